/* sys/page.h - whole pages from the operating system. */
#ifndef WEIR_SYS_PAGE_H
#define WEIR_SYS_PAGE_H

#include <stddef.h>

/* Maps zeroed memory, committed by touch. 0 and *out, or a negative error. */
int weir__page_map(size_t size, void **out);
/* The same for stacks: no huge pages, no swap reservation. */
int weir__page_map_stack(size_t size, void **out);
void weir__page_unmap(void *at, size_t size);
/* Makes every access a fault: a guard marker where the kernel has them, else a protected mapping. */
int weir__page_guard(void *at, size_t size);
/* Gives the pages back; they read as zeroes afterwards. */
void weir__page_discard(void *at, size_t size);

#endif
