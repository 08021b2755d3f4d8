/* test/unit/sys_limits.c - facts of the machine: that they are read, and are possible. */
#include "test.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <weir/error.h>

#include "sys/limits.h"

TEST(processors_are_at_least_one_and_at_most_the_mask)
{
    int cpus = weir__limits_cpus();

    assert_true(cpus >= 1);
    assert_true(cpus <= weir__limits_cpus_affinity());
    assert_true(weir__limits_cpu_quota_milli() > 0);
}

TEST(narrower_mask_means_fewer_processors)
{
    cpu_set_t before, one;
    int i;

    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    for (i = 0; !CPU_ISSET(i, &before); i++)
        ;
    CPU_ZERO(&one);
    CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    i = weir__limits_cpus();
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_int_equal(i, 1);
}

TEST(descriptor_limits_are_those_of_getrlimit)
{
    struct rlimit limit, changed;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(weir__limits_descriptors(), limit.rlim_cur);
    assert_int_equal(weir__limits_descriptors_hard(), limit.rlim_max);
    changed = limit;
    changed.rlim_cur = limit.rlim_max < 64 ? limit.rlim_max : 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &changed), 0);
    assert_int_equal(weir__limits_descriptors_raise(), limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
}

TEST(settings_of_the_kernel_are_read)
{
    uint16_t first = 0, last = 0;

    assert_true(weir__limits_somaxconn() > 0);
    assert_true(weir__limits_max_map_count() > 0);
    assert_true(weir__limits_tcp_max_syn_backlog() > 0);
    assert_in_range(weir__limits_overcommit(), 0, 2);
    assert_true(weir__limits_memlock() >= 0);
    assert_int_equal(weir__limits_port_range(&first, &last), 0);
    assert_true(first >= 1 && first < last);
    if (weir__limits_io_uring_disabled() < 0)
        assert_int_equal(weir__limits_io_uring_disabled(), WEIR_ENOENT);
}

TEST(memory_is_at_most_that_of_the_machine)
{
    int64_t memory = weir__limits_memory();

    assert_true(memory > 0);
    assert_true(memory <= (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
}

TEST(kernel_release_is_that_of_uname)
{
    struct utsname name;
    char release[65], little[2] = "x";

    assert_int_equal(uname(&name), 0);
    assert_int_equal(weir__limits_kernel(release, sizeof release), 0);
    assert_string_equal(release, name.release);
    assert_int_equal(weir__limits_kernel(little, sizeof little), WEIR_ENOBUFS);
    assert_string_equal(little, "x");
}
