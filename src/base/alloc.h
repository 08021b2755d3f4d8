/* base/alloc.h - the one door to the heap.
 *
 * Everything that weir allocates comes through here, so that a program can give its own allocator
 * before the first loop, and a test can make the n-th allocation fail. Any thread.
 */
#ifndef WEIR_BASE_ALLOC_H
#define WEIR_BASE_ALLOC_H

#include <stddef.h>

/* As malloc, calloc, realloc and free of C. NULL means out of memory: an ordinary error. */
void *weir__alloc(size_t size);
void *weir__calloc(size_t count, size_t size);
void *weir__realloc(void *memory, size_t size);
void weir__free(void *memory);

#endif
