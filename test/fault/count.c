/* test/fault/count.c - streams of counts in which the n-th allocation or system call fails. */
#include "test.h"

#include <sys/eventfd.h>
#include <unistd.h>
#include <weir.h>

#include "support/faults.h"

static int move(weir_stream stream)
{
    uint64_t count = 0;
    int rc = weir_count_add(stream, 40);

    if (rc == 0)
        rc = weir_count_add(stream, 2);
    if (rc == 0)
        rc = weir_count_take(stream, &count);
    return rc == 0 && count != 42 ? 1 : rc;
}

static int use_own(void)
{
    weir_stream stream = {7};
    int rc = weir_count_open(&stream, 0, 0);

    if (rc < 0)
        return stream.id == 7 ? rc : 1;
    rc = move(stream);
    weir_close(stream);
    return rc;
}

static int use_another(void)
{
    weir_stream stream = {7};
    int fd = eventfd(0, EFD_CLOEXEC), rc = weir_count_adopt(&stream, fd);

    if (rc < 0) {
        close(fd);
        return stream.id == 7 ? rc : 1;
    }
    rc = move(stream);
    weir_close(stream);
    return rc;
}

static int use_periods(void)
{
    weir_stream stream = {7};
    uint64_t count = 0;
    int rc = weir_count_periods(&stream, 1000, 1000);

    if (rc < 0)
        return stream.id == 7 ? rc : 1;
    rc = weir_count_take(stream, &count);
    weir_close(stream);
    return rc == 0 && count == 0 ? 1 : rc;
}

static int use_all(void *arg)
{
    int rc = use_own();

    (void)arg;
    if (rc == 0)
        rc = use_another();
    return rc == 0 ? use_periods() : rc;
}

static int run(void)
{
    return weir_run(use_all, NULL, &(struct weir_runtime_options){.workers = 1, .spin_ns = -1});
}

TEST(every_allocation_of_a_count_may_fail)
{
    fail_each(run, WEIR__FAULT_ALLOC);
}

TEST(every_system_call_of_a_count_may_fail)
{
    fail_each(run, WEIR__FAULT_CALL);
}
