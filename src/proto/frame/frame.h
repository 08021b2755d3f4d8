/* proto/frame/frame.h - what the codecs share. */
#ifndef WEIR_PROTO_FRAME_FRAME_H
#define WEIR_PROTO_FRAME_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* No frame is longer: so no sum of a length and what stands round it overflows. */
#define WEIR__FRAME_MAX (SIZE_MAX / 4)

/* The greatest length that was asked for: 0 means any. */
static inline size_t weir__frame_max(size_t max)
{
    return max && max < WEIR__FRAME_MAX ? max : WEIR__FRAME_MAX;
}

#endif
