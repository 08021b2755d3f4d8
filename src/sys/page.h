/* sys/page.h - pages: mapping, reserving, guarding, giving back. Any thread.
 *
 * Addresses and sizes are multiples of weir__page_size(). Sizes are bytes. All return 0 or -errno
 * and leave outputs untouched on failure. A guard is MADV_GUARD_INSTALL where the kernel takes it
 * (found by trying; Linux 6.13 and later) and costs no mapping; else mprotect, which splits the
 * mapping and counts against vm.max_map_count.
 */
#ifndef WEIR_SYS_PAGE_H
#define WEIR_SYS_PAGE_H

#include <stdbool.h>
#include <stddef.h>

size_t weir__page_size(void);
/* `size` rounded up to whole pages. */
size_t weir__page_round(size_t size);

/* Zeroed memory, committed by touch and not accounted beforehand (MAP_NORESERVE). Gives *out:
 * release with weir__page_unmap. WEIR_ENOMEM. */
int weir__page_map(size_t size, void **out);
/* The same for stacks (MAP_STACK), without huge pages: one touch commits one page. */
int weir__page_map_stack(size_t size, void **out);
void weir__page_unmap(void *at, size_t size);

/* Makes every touch of the range a SIGSEGV; the content is lost. WEIR_ENOMEM where mprotect finds
 * the process at its limit of mappings. */
int weir__page_guard(void *at, size_t size);
/* True when guards are markers, which cost no mapping. Asks the kernel the first time. */
bool weir__page_guard_is_marker(void);

/* Gives the memory back; the range reads as zero and is committed again by touch. WEIR_EINVAL for
 * locked memory. */
int weir__page_discard(void *at, size_t size);
/* The same for ranges in one call where the kernel has it; each is base and size. On failure some
 * may have been given back. */
struct iovec;
int weir__page_discard_many(const struct iovec *ranges, size_t count);
/* Takes guards away that are markers; the range is as after a discard. */
int weir__page_unguard(void *at, size_t size);
/* Advice; failure is harmless and not reported. */
void weir__page_no_huge(void *at, size_t size);
void weir__page_dump(void *at, size_t size, bool wanted);
/* Pages that are touched for the first time from now on come from that NUMA node while it has some,
 * whoever touches them. Nothing depends on it: 0, or why the kernel does not do it. */
int weir__page_prefer(void *at, size_t size, int node);
/* How many pages from `at` on, up to the first touched one, are untouched: a page is touched when
 * it is resident (swapped pages count as untouched). At most size / page size; -errno. */
long weir__page_untouched(void *at, size_t size);

#endif
