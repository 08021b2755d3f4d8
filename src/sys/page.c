/* sys/page.c - see page.h.
 *
 * Two facts are remembered for the process: the page size, and how guards are made. Both are
 * found by asking and always found alike, so that a race between first callers is harmless.
 */
#include "sys/page.h"

#include <linux/mempolicy.h>
#include <weir/error.h>

#include "base/atomic.h"
#include "sys/call.h"

#if !defined(MADV_GUARD_INSTALL)
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif
#if !defined(MADV_GUARD_REMOVE)
#define MADV_GUARD_REMOVE 103
#endif

enum guard_kind {
    GUARD_UNKNOWN,
    GUARD_MARKER,
    GUARD_PROTECT
};

static uint32_t guard_kind;    /* enum guard_kind; partner: itself */
static size_t known_page_size; /* partner: itself */

size_t weir__page_size(void)
{
    size_t size = WEIR_ATOMIC_LOAD(&known_page_size, RELAXED);

    if (!size) {
        size = (size_t)sysconf(_SC_PAGESIZE);
        WEIR_ATOMIC_STORE(&known_page_size, size, RELAXED);
    }
    return size;
}

size_t weir__page_round(size_t size)
{
    size_t mask = weir__page_size() - 1;

    return (size + mask) & ~mask;
}

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
        weir__page_no_huge(*out, size);
    return rc;
}

void weir__page_unmap(void *at, size_t size)
{
    (void)weir__sys_munmap(at, size);
}

/* A marker takes the page's content with it. qemu-user (7.2) answers 0 to any advice and does
 * nothing, so the content is looked at. Not by the wrapper: an injected fault here would be
 * remembered. */
static bool markers_work(char *probe, size_t size)
{
    *(volatile char *)probe = 1;
    return madvise(probe, size, MADV_GUARD_INSTALL) == 0
           && madvise(probe, size, MADV_GUARD_REMOVE) == 0 && *(volatile char *)probe == 0;
}

bool weir__page_guard_is_marker(void)
{
    uint32_t kind = WEIR_ATOMIC_LOAD(&guard_kind, RELAXED);
    void *probe = NULL;

    if (kind == GUARD_UNKNOWN && weir__page_map(weir__page_size(), &probe) == 0) {
        kind = markers_work(probe, weir__page_size()) ? GUARD_MARKER : GUARD_PROTECT;
        WEIR_ATOMIC_STORE(&guard_kind, kind, RELAXED);
        weir__page_unmap(probe, weir__page_size());
    }
    return kind == GUARD_MARKER;
}

int weir__page_guard(void *at, size_t size)
{
    /* A mapping that is locked (mlockall) takes no markers and answers EINVAL: protect that one. */
    if (weir__page_guard_is_marker() && weir__sys_madvise(at, size, MADV_GUARD_INSTALL) == 0)
        return 0;
    return weir__sys_mprotect(at, size, PROT_NONE);
}

int weir__page_discard(void *at, size_t size)
{
    return size ? weir__sys_madvise(at, size, MADV_DONTNEED) : 0;
}

int weir__page_discard_many(const struct iovec *ranges, size_t count)
{
    size_t i, total = 0;
    int rc = 0;

    for (i = 0; i < count; i++)
        total += ranges[i].iov_len;
    if (weir__sys_madvise_many(ranges, count, MADV_DONTNEED) == (int)total)
        return 0;
    for (i = 0; i < count && rc == 0; i++)
        rc = weir__page_discard(ranges[i].iov_base, ranges[i].iov_len);
    return rc;
}

int weir__page_unguard(void *at, size_t size)
{
    return weir__sys_madvise(at, size, MADV_GUARD_REMOVE);
}

void weir__page_no_huge(void *at, size_t size)
{
    (void)weir__sys_madvise(at, size, MADV_NOHUGEPAGE); /* EINVAL: a kernel without huge pages */
}

void weir__page_dump(void *at, size_t size, bool wanted)
{
    (void)weir__sys_madvise(at, size, wanted ? MADV_DODUMP : MADV_DONTDUMP);
}

int weir__page_prefer(void *at, size_t size, int node)
{
    if (node < 0 || node >= 64)
        return WEIR_EINVAL;
    return weir__sys_mbind(at, size, MPOL_PREFERRED, 1ull << node);
}

long weir__page_untouched(void *at, size_t size)
{
    size_t page = weir__page_size(), total = size / page, done = 0;
    unsigned char resident[64];

    while (done < total) {
        size_t i, n = total - done < sizeof resident ? total - done : sizeof resident;
        int rc = weir__sys_mincore((char *)at + done * page, n * page, resident);

        if (rc < 0)
            return rc;
        for (i = 0; i < n && !(resident[i] & 1); i++)
            done++;
        if (i < n)
            break;
    }
    return (long)done;
}
