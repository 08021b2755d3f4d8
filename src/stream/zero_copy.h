/* stream/zero_copy.h - what a stream knows of its sends without a copy.
 *
 * Made when a program first asks for them; the stream's, and freed with it. Changed by who holds
 * the writer's bit, read by anybody.
 */
#ifndef WEIR_STREAM_ZERO_COPY_H
#define WEIR_STREAM_ZERO_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <weir/loop.h>

struct weir__zero_copy {
    size_t from_len; /* writes of so many bytes and more; 0: none */
    uint32_t copied_in_a_row;
    uint64_t sent, copied, refused; /* writes */
};

/* Says so of a filled send. `zero_copy` may be NULL. */
void weir__zero_copy_ask(const struct weir__zero_copy *zero_copy, weir_op *op);
/* Learns from it when it has completed. */
void weir__zero_copy_note(struct weir__zero_copy *zero_copy, const weir_op *op);

#endif
