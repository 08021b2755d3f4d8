/* proto/http1/type.h - the content type of a file, from its name.
 *
 * A fixed table; texts carry "charset=utf-8". Nothing looks into the file. Pure: no state, any
 * thread.
 */
#ifndef WEIR_PROTO_HTTP1_TYPE_H
#define WEIR_PROTO_HTTP1_TYPE_H

#include "base/slice.h"

/* The type for the extension of a file name (what stands behind the last dot of its last segment,
 * in any case); "application/octet-stream" if there is none or it is unknown. The text is
 * static. */
struct weir__slice weir__http1_type_of(struct weir__slice file);

#endif
