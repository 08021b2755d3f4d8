/* os/count.c - see <weir/count.h>. What reads and writes is stream/pipe.c. */
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <weir/count.h>

#include "stream/pipe.h"
#include "stream/stream.h"
#include "sys/call.h"
#include "sys/current.h"

/* Makes a stream of a descriptor that was made here, and takes it in any case. */
static int take(weir_stream *out, int fd)
{
    struct weir__stream *stream;
    int rc;

    if (fd < 0)
        return fd;
    rc = weir__pipe_adopt(weir__current_worker(), fd, WEIR__PIPE_OWN | WEIR__PIPE_COUNTS, &stream);
    if (rc < 0)
        weir__sys_close(fd);
    else
        out->id = stream->id;
    return rc;
}

int weir_count_open(weir_stream *out, uint32_t first, uint32_t flags)
{
    WEIR__CALL;

    if (flags > WEIR_COUNT_ONE_BY_ONE)
        return WEIR_EINVAL;
    if (!weir__current_worker())
        return WEIR_ENOTASK;
    return take(
        out, weir__sys_eventfd(first,
                               EFD_NONBLOCK | (flags & WEIR_COUNT_ONE_BY_ONE ? EFD_SEMAPHORE : 0)));
}

static struct timespec time_of(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

int weir_count_periods(weir_stream *out, int64_t first_ns, int64_t period_ns)
{
    WEIR__CALL;
    struct itimerspec when = {time_of(period_ns), time_of(first_ns)};
    int rc, fd;

    if (first_ns < 1 || period_ns < 0)
        return WEIR_EINVAL;
    if (!weir__current_worker())
        return WEIR_ENOTASK;
    fd = weir__sys_timerfd_create(CLOCK_MONOTONIC);
    if (fd < 0)
        return fd;
    rc = weir__sys_timerfd_settime(fd, &when);
    if (rc < 0) {
        weir__sys_close(fd);
        return rc;
    }
    return take(out, fd);
}

/* What a descriptor of the kernel's own kinds is called. */
static int check_kind(int fd)
{
    char name[32], kind[32];
    int len = weir__sys_get_mode(fd);

    if (len < 0)
        return len;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    len = weir__sys_readlink(name, kind, sizeof kind - 1);
    if (len < 0)
        return len;
    kind[len] = '\0';
    return strcmp(kind, "anon_inode:[eventfd]") == 0 || strcmp(kind, "anon_inode:[timerfd]") == 0
               ? 0
               : WEIR_ENOTSUP;
}

int weir_count_adopt(weir_stream *out, int descriptor)
{
    WEIR__CALL;
    struct weir__stream *stream;
    int rc;

    if (!weir__current_worker())
        return WEIR_ENOTASK;
    rc = check_kind(descriptor);
    if (rc == 0)
        rc = weir__pipe_adopt(weir__current_worker(), descriptor, WEIR__PIPE_COUNTS, &stream);
    if (rc == 0)
        out->id = stream->id;
    return rc;
}

int weir_count_take(weir_stream stream, uint64_t *out)
{
    WEIR__CALL;
    uint64_t count;
    ptrdiff_t n = weir_read(stream, &count, sizeof count);

    if (n < 0)
        return (int)n;
    if (n != (ptrdiff_t)sizeof count)
        return WEIR_ENOTSUP;
    *out = count;
    return 0;
}

int weir_count_add(weir_stream stream, uint64_t count)
{
    WEIR__CALL;
    ptrdiff_t n = weir_write(stream, &count, sizeof count);

    return n < 0 ? (int)n : n == (ptrdiff_t)sizeof count ? 0 : WEIR_ENOTSUP;
}
