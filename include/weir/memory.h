/* weir/memory.h - the allocator that weir uses. */
#ifndef WEIR_MEMORY_H
#define WEIR_MEMORY_H

#include <stddef.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Each function as in C, with `user` as given: aligned for any type, NULL when there is none;
 * `release` is never called with NULL. They may be called by any thread at once, on the stack of a
 * task (so they use little of it), and may not suspend. */
struct weir_allocator {
    void *(*allocate)(size_t size, void *user);
    void *(*reallocate)(void *memory, size_t size, void *user);
    void (*release)(void *memory, void *user);
    void *user;
};

/* Sets the allocator of the process: before weir's first allocation, else WEIR_EBUSY and nothing
 * changes. WEIR_EINVAL if a function is missing. Copies the struct; `user` stays borrowed for ever.
 * Does not suspend. By one thread, while no other is in weir. Stacks and buffers are pages and do
 * not come from here. */
WEIR_PUBLIC int weir_set_allocator(const struct weir_allocator *allocator);

/* Memory from that allocator, for libraries beside weir: as malloc and free, NULL if there is none.
 * What weir_allocate gives goes back by weir_release, which accepts NULL. Do not suspend. Any
 * thread. */
WEIR_PUBLIC void *weir_allocate(size_t size);
WEIR_PUBLIC void weir_release(void *memory);

#ifdef __cplusplus
}
#endif
#endif
