/* test/unit/sys_limits.c - facts of the machine: that they are read, and are possible. */
#include "test.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

/* ---- trees of a test's own ---- */

static char root[] = "/tmp/weir-limits-XXXXXX";

static void write_file(const char *path, const char *text)
{
    char whole[PATH_MAX], *slash;
    FILE *file;

    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (slash = strchr(whole + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        (void)mkdir(whole, 0700);
        *slash = '/';
    }
    file = fopen(whole, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void begin_tree(const char *groups)
{
    strcpy(root, "/tmp/weir-limits-XXXXXX");
    assert_non_null(mkdtemp(root));
    weir__limits_root = root;
    write_file("/proc/self/cgroup", groups);
}

static void end_tree(void)
{
    char command[PATH_MAX];

    snprintf(command, sizeof command, "rm -r %s", root);
    assert_int_equal(system(command), 0);
    weir__limits_root = "";
}

TEST(the_tightest_group_above_counts)
{
    begin_tree("0::/a/b/c\n");
    write_file("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
    write_file("/sys/fs/cgroup/a/b/c/memory.max", "9000000\n");
    write_file("/sys/fs/cgroup/a/b/c/memory.high", "8000000\n");
    write_file("/sys/fs/cgroup/a/b/c/memory.current", "1000000\n");
    write_file("/sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
    write_file("/sys/fs/cgroup/a/b/memory.max", "max\n");
    write_file("/sys/fs/cgroup/a/cpu.max", "250000 100000\n");
    write_file("/sys/fs/cgroup/a/memory.max", "7000000\n");
    write_file("/sys/fs/cgroup/a/memory.current", "6500000\n");
    write_file("/sys/fs/cgroup/a/memory.stat", "anon 4000000\ninactive_file 1500000\nx 1\n");
    assert_int_equal(weir__limits_cpu_quota_milli(), 500);
    assert_int_equal(weir__limits_cpus(), 1);
    assert_int_equal(weir__limits_memory_max(), 7000000);
    assert_int_equal(weir__limits_memory_high(), 8000000);
    assert_int_equal(weir__limits_memory_left(), 2000000);
    assert_int_equal(weir__limits_memory_used(), 1000000);
    assert_int_equal(weir__limits_memory(), 7000000);
    end_tree();
}

TEST(a_quota_is_rounded_up_and_an_absent_one_is_none)
{
    int cpus = weir__limits_cpus_affinity();

    begin_tree("0::/\n");
    assert_int_equal(weir__limits_cpu_quota_milli(), WEIR__LIMITS_NONE);
    assert_int_equal(weir__limits_cpus(), cpus);
    assert_int_equal(weir__limits_memory_max(), WEIR__LIMITS_NONE);
    assert_int_equal(weir__limits_memory_left(), WEIR__LIMITS_NONE);
    assert_int_equal(weir__limits_memory_used(), WEIR_ENOENT);
    write_file("/sys/fs/cgroup/cpu.max", "100001 100000\n");
    assert_int_equal(weir__limits_cpu_quota_milli(), 1001);
    assert_int_equal(weir__limits_cpus(), cpus < 2 ? cpus : 2);
    write_file("/sys/fs/cgroup/cpu.max", "1 100000\n");
    assert_int_equal(weir__limits_cpus(), 1);
    write_file("/sys/fs/cgroup/cpu.max", "0 100000\n");
    assert_int_equal(weir__limits_cpus(), 1);
    write_file("/sys/fs/cgroup/cpu.max", "what\n");
    assert_int_equal(weir__limits_cpu_quota_milli(), WEIR__LIMITS_NONE);
    end_tree();
}

/* A container without a namespace of groups sees its own group as the mount's root. */
TEST(a_group_that_is_not_seen_is_the_root_of_the_mount)
{
    begin_tree("0::/docker/0123456789\n");
    write_file("/sys/fs/cgroup/cpu.max", "150000 100000\n");
    write_file("/sys/fs/cgroup/memory.max", "5000000\n");
    write_file("/sys/fs/cgroup/memory.current", "300000\n");
    assert_int_equal(weir__limits_cpu_quota_milli(), 1500);
    assert_int_equal(weir__limits_memory_max(), 5000000);
    assert_int_equal(weir__limits_memory_used(), 300000);
    end_tree();
}

TEST(version_1_is_the_fallback)
{
    begin_tree("4:memory:/m/n\n3:cpu,cpuacct:/c\n0::/\n");
    write_file("/sys/fs/cgroup/cpu/c/cpu.cfs_quota_us", "-1\n");
    write_file("/sys/fs/cgroup/cpu/c/cpu.cfs_period_us", "100000\n");
    write_file("/sys/fs/cgroup/memory/m/n/memory.limit_in_bytes", "9223372036854771712\n");
    write_file("/sys/fs/cgroup/memory/m/n/memory.usage_in_bytes", "2000\n");
    assert_int_equal(weir__limits_cpu_quota_milli(), WEIR__LIMITS_NONE);
    assert_int_equal(weir__limits_memory_max(), WEIR__LIMITS_NONE);
    assert_int_equal(weir__limits_memory_used(), 2000);
    write_file("/sys/fs/cgroup/cpu/c/cpu.cfs_quota_us", "20000\n");
    write_file("/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "6000\n");
    write_file("/sys/fs/cgroup/memory/m/memory.usage_in_bytes", "5000\n");
    write_file("/sys/fs/cgroup/memory/m/memory.stat",
               "inactive_file 1\ntotal_inactive_file 9000\n");
    assert_int_equal(weir__limits_cpu_quota_milli(), 200);
    assert_int_equal(weir__limits_memory_max(), 6000);
    assert_int_equal(weir__limits_memory_left(), 6000);
    end_tree();
}
