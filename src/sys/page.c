/* sys/page.c - see page.h. Guard markers (Linux 6.13) need no mapping of their own, so that a hundred
 * thousand stacks do not meet vm.max_map_count. */
#include "sys/page.h"

#include "sys/call.h"

#ifndef MADV_GUARD_INSTALL /* 6.13 */
#define MADV_GUARD_INSTALL 102
#endif

int weir__page_map(size_t size, void **out)
{
    return weir__sys_mmap(NULL, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0, out);
}

int weir__page_map_stack(size_t size, void **out)
{
    int rc = weir__sys_mmap(NULL, size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0, out);

    if (rc == 0)
        (void)madvise(*out, size, MADV_NOHUGEPAGE);
    return rc;
}

void weir__page_unmap(void *at, size_t size)
{
    weir__sys_munmap(at, size);
}

int weir__page_guard(void *at, size_t size)
{
    if (madvise(at, size, MADV_GUARD_INSTALL) == 0)
        return 0;
    return weir__sys_mprotect(at, size, PROT_NONE);
}

void weir__page_discard(void *at, size_t size)
{
    (void)madvise(at, size, MADV_DONTNEED);
}
