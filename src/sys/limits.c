/* sys/limits.c - see limits.h. Reads /proc and /sys; the cgroup's folder is the one that
 * /proc/self/cgroup names, or, where that lies outside this process's view, the mount's root. */
#include "sys/limits.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <weir/error.h>

#include "sys/call.h"

enum {
    NUMBER_BYTES = 128,
    GROUPS_BYTES = 3000,
    PATH_BYTES = 512,
    ROOT_BYTES = 256, /* and what is below a group's folder */
    STAT_BYTES = 2500,
    CPUS_MAX = 8192
};

/* ---- small files ---- */

const char *weir__limits_root = "";

/* The whole of a small file as text. Bytes, or -errno. */
static int read_text(const char *path, char *text, size_t room)
{
    char whole[PATH_BYTES + ROOT_BYTES];
    int fd, rc, len = 0;

    if ((size_t)snprintf(whole, sizeof whole, "%s%s", weir__limits_root, path) >= sizeof whole)
        return WEIR_ENAMETOOLONG;
    fd = weir__sys_openat(AT_FDCWD, whole, O_RDONLY, 0);

    if (fd < 0)
        return fd;
    do {
        rc = weir__sys_read(fd, text + len, room - 1 - (size_t)len);
        len += rc > 0 ? rc : 0;
    } while (rc > 0 && (size_t)len < room - 1);
    text[len] = 0;
    weir__sys_close(fd);
    return rc < 0 ? rc : len;
}

/* Reads a number; *at moves behind it. WEIR__LIMITS_NONE for "max" and what overflows;
 * WEIR_EINVAL for what is none or negative. */
static int64_t parse_number(const char **at)
{
    const char *text = *at;
    int64_t number = 0;

    while (*text == ' ' || *text == '\t' || *text == '\n')
        text++;
    if (strncmp(text, "max", 3) == 0) {
        *at = text + 3;
        return WEIR__LIMITS_NONE;
    }
    if (*text < '0' || *text > '9')
        return WEIR_EINVAL;
    for (; *text >= '0' && *text <= '9'; text++)
        number = number > (INT64_MAX - 9) / 10 ? WEIR__LIMITS_NONE : number * 10 + (*text - '0');
    *at = text;
    return number;
}

static int64_t read_number(const char *path)
{
    char text[NUMBER_BYTES];
    const char *at = text;
    int rc = read_text(path, text, sizeof text);

    return rc < 0 ? rc : parse_number(&at);
}

/* ---- cgroups ---- */

/* Whether `name` stands in the comma-separated list [list, end). */
static bool list_has(const char *list, const char *end, const char *name)
{
    size_t len = strlen(name);

    while (list < end) {
        const char *comma = memchr(list, ',', (size_t)(end - list));
        const char *stop = comma ? comma : end;

        if ((size_t)(stop - list) == len && memcmp(list, name, len) == 0)
            return true;
        list = stop + 1;
    }
    return false;
}

/* The process's group for a v1 controller, or for v2 with `controller` NULL. 0 or WEIR_ENOENT. */
static int group_path(const char *controller, char *path, size_t room)
{
    char text[GROUPS_BYTES];
    char *line, *rest = text;
    int rc = read_text("/proc/self/cgroup", text, sizeof text);

    if (rc < 0)
        return rc;
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *names = strchr(line, ':');
        char *group = names ? strchr(names + 1, ':') : NULL;
        bool match;

        if (!group)
            continue;
        match = controller ? list_has(names + 1, group, controller) : group == names + 1;
        if (match && strlen(group + 1) < room) {
            memcpy(path, group + 1, strlen(group + 1) + 1);
            return 0;
        }
    }
    return WEIR_ENOENT;
}

/* A number of v1 that means no limit: a whole of pages below 2^63. */
#define UNLIMITED_V1 (INT64_MAX - (1 << 20))

typedef int64_t read_limit(const char *folder);

/* The least of what `read` says of the group and of each above it, up to the mount's root. */
static int64_t least_upwards(const char *mount, char *group, read_limit *read)
{
    char folder[PATH_BYTES];
    int64_t least = WEIR__LIMITS_NONE;

    for (;;) {
        char *slash = strrchr(group, '/');
        int64_t limit;

        if ((size_t)snprintf(folder, sizeof folder, "%s%s", mount, group) < sizeof folder) {
            limit = read(folder);
            if (limit >= 0 && limit < least)
                least = limit;
        }
        if (!*group)
            return least;
        if (slash)
            *slash = 0;
        else
            *group = 0;
    }
}

static int64_t least_of_mounts(const char *controller, const char *const *mounts, read_limit *read)
{
    char group[PATH_BYTES];
    int64_t least = WEIR__LIMITS_NONE;

    for (; *mounts; mounts++) {
        int64_t limit;

        if (group_path(controller, group, sizeof group) < 0)
            group[0] = 0;
        limit = least_upwards(*mounts, group, read);
        if (limit < least)
            least = limit;
    }
    return least;
}

/* What `read` says of the process's own group, or of the mount's root where that is outside. */
static int64_t own_of_mounts(const char *controller, const char *const *mounts, read_limit *read)
{
    char group[PATH_BYTES], folder[PATH_BYTES + 64];
    int64_t value = WEIR_ENOENT;

    for (; value < 0 && *mounts; mounts++) {
        if (group_path(controller, group, sizeof group) < 0)
            group[0] = 0;
        snprintf(folder, sizeof folder, "%s%s", *mounts, group);
        value = read(folder);
        if (value < 0)
            value = read(*mounts);
    }
    return value;
}

static int64_t read_in(const char *folder, const char *file)
{
    char path[PATH_BYTES + 64];

    snprintf(path, sizeof path, "%s/%s", folder, file);
    return read_number(path);
}

static const char *const mounts_v2[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", NULL};
static const char *const mounts_cpu[] = {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct", NULL};
static const char *const mounts_memory[] = {"/sys/fs/cgroup/memory", NULL};

/* ---- processors ---- */

static int64_t milli(int64_t quota, int64_t period)
{
    if (quota < 0 || quota == WEIR__LIMITS_NONE || period <= 0 || quota > INT64_MAX / 1000)
        return WEIR__LIMITS_NONE;
    return (quota * 1000 + period - 1) / period;
}

static int64_t quota_v2(const char *folder)
{
    char path[PATH_BYTES + 64], text[NUMBER_BYTES];
    const char *at = text;
    int64_t quota;
    int rc;

    snprintf(path, sizeof path, "%s/cpu.max", folder);
    rc = read_text(path, text, sizeof text);
    if (rc < 0)
        return rc;
    quota = parse_number(&at);
    return milli(quota, parse_number(&at));
}

static int64_t quota_v1(const char *folder)
{
    int64_t quota = read_in(folder, "cpu.cfs_quota_us"); /* -1: none */

    return quota < 0 ? WEIR__LIMITS_NONE : milli(quota, read_in(folder, "cpu.cfs_period_us"));
}

int64_t weir__limits_cpu_quota_milli(void)
{
    int64_t v2 = least_of_mounts(NULL, mounts_v2, quota_v2);
    int64_t v1 = least_of_mounts("cpu", mounts_cpu, quota_v1);

    return v1 < v2 ? v1 : v2;
}

int weir__limits_cpus_affinity(void)
{
    unsigned char mask[CPUS_MAX / 8];
    int i, count = 0;
    /* By number: glibc's wrapper wants a cpu_set_t, whose size may be too small for the machine. */
    int rc = weir__sys_result(syscall(SYS_sched_getaffinity, 0, sizeof mask, mask));

    for (i = 0; i < rc; i++)
        count += __builtin_popcount(mask[i]);
    return rc < 0 ? rc : count;
}

int weir__limits_cpus(void)
{
    int cpus = weir__limits_cpus_affinity();
    int64_t quota = weir__limits_cpu_quota_milli();

    if (cpus < 1)
        cpus = 1;
    if (quota < (int64_t)cpus * 1000)
        cpus = (int)((quota + 999) / 1000);
    return cpus < 1 ? 1 : cpus;
}

/* ---- limits of the process ---- */

static int64_t resource_limit(int which, bool hard)
{
    struct rlimit limit;
    int rc = weir__sys_result(getrlimit(which, &limit));
    rlim_t value = hard ? limit.rlim_max : limit.rlim_cur;

    if (rc < 0)
        return rc;
    return value == RLIM_INFINITY || value > INT64_MAX ? WEIR__LIMITS_NONE : (int64_t)value;
}

int64_t weir__limits_descriptors(void)
{
    return resource_limit(RLIMIT_NOFILE, false);
}

int64_t weir__limits_descriptors_hard(void)
{
    return resource_limit(RLIMIT_NOFILE, true);
}

int64_t weir__limits_descriptors_raise(void)
{
    struct rlimit limit;
    int rc = weir__sys_result(getrlimit(RLIMIT_NOFILE, &limit));

    if (rc < 0)
        return rc;
    limit.rlim_cur = limit.rlim_max;
    rc = weir__sys_result(setrlimit(RLIMIT_NOFILE, &limit));
    return rc < 0 ? rc : weir__limits_descriptors();
}

int64_t weir__limits_memlock(void)
{
    return resource_limit(RLIMIT_MEMLOCK, false);
}

/* ---- settings of the kernel ---- */

int64_t weir__limits_somaxconn(void)
{
    return read_number("/proc/sys/net/core/somaxconn");
}

int64_t weir__limits_tcp_max_syn_backlog(void)
{
    return read_number("/proc/sys/net/ipv4/tcp_max_syn_backlog");
}

int weir__limits_port_range(uint16_t *first, uint16_t *last)
{
    char text[NUMBER_BYTES];
    const char *at = text;
    int64_t low, high;
    int rc = read_text("/proc/sys/net/ipv4/ip_local_port_range", text, sizeof text);

    if (rc < 0)
        return rc;
    low = parse_number(&at);
    high = low < 0 ? low : parse_number(&at);
    if (high < low || high > UINT16_MAX)
        return WEIR_EINVAL;
    *first = (uint16_t)low;
    *last = (uint16_t)high;
    return 0;
}

int64_t weir__limits_max_map_count(void)
{
    return read_number("/proc/sys/vm/max_map_count");
}

int64_t weir__limits_io_uring_disabled(void)
{
    return read_number("/proc/sys/kernel/io_uring_disabled");
}

int64_t weir__limits_overcommit(void)
{
    return read_number("/proc/sys/vm/overcommit_memory");
}

/* The number behind a word at the beginning of a line, or WEIR_ENOENT. */
static int64_t read_word(const char *path, const char *word)
{
    char text[STAT_BYTES];
    size_t len = strlen(word);
    const char *line = text;
    int rc = read_text(path, text, sizeof text);

    if (rc < 0)
        return rc;
    for (; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, word, len) == 0 && (line[len] == ' ' || line[len] == ':')) {
            line += len + 1;
            return parse_number(&line);
        }
    }
    return WEIR_ENOENT;
}

static int64_t word_in(const char *folder, const char *file, const char *word)
{
    char path[PATH_BYTES + 64];

    snprintf(path, sizeof path, "%s/%s", folder, file);
    return read_word(path, word);
}

static int64_t max_v2(const char *folder)
{
    return read_in(folder, "memory.max");
}

static int64_t max_v1(const char *folder)
{
    return read_in(folder, "memory.limit_in_bytes");
}

static int64_t high_v2(const char *folder)
{
    return read_in(folder, "memory.high");
}

static int64_t high_v1(const char *folder)
{
    return read_in(folder, "memory.soft_limit_in_bytes");
}

/* What is left below a limit, when the pages of files are given back that nobody has used
 * lately. */
static int64_t left_below(int64_t limit, int64_t used, int64_t idle)
{
    if (limit < 0 || limit >= UNLIMITED_V1 || used < 0)
        return WEIR__LIMITS_NONE;
    used -= idle < 0 ? 0 : idle > used ? used : idle;
    return used < limit ? limit - used : 0;
}

static int64_t left_v2(const char *folder)
{
    return left_below(read_in(folder, "memory.max"), read_in(folder, "memory.current"),
                      word_in(folder, "memory.stat", "inactive_file"));
}

static int64_t left_v1(const char *folder)
{
    return left_below(read_in(folder, "memory.limit_in_bytes"),
                      read_in(folder, "memory.usage_in_bytes"),
                      word_in(folder, "memory.stat", "total_inactive_file"));
}

/* Of v1 and v2, of which one has the controller; v1 says "no limit" by a number. */
static int64_t least_memory(read_limit *v2, read_limit *v1)
{
    int64_t new = least_of_mounts(NULL, mounts_v2, v2);
    int64_t old = least_of_mounts("memory", mounts_memory, v1);

    new = old < new ? old : new;
    return new >= UNLIMITED_V1 ? WEIR__LIMITS_NONE : new;
}

int64_t weir__limits_memory_max(void)
{
    return least_memory(max_v2, max_v1);
}

int64_t weir__limits_memory_high(void)
{
    return least_memory(high_v2, high_v1);
}

int64_t weir__limits_memory_left(void)
{
    return least_memory(left_v2, left_v1);
}

static int64_t own_v2(const char *folder)
{
    return read_in(folder, "memory.current");
}

static int64_t own_v1(const char *folder)
{
    return read_in(folder, "memory.usage_in_bytes");
}

int64_t weir__limits_memory_used(void)
{
    int64_t used = own_of_mounts(NULL, mounts_v2, own_v2);

    return used >= 0 ? used : own_of_mounts("memory", mounts_memory, own_v1);
}

int64_t weir__limits_memory_available(void)
{
    int64_t kib = read_word("/proc/meminfo", "MemAvailable");

    return kib < 0 || kib > INT64_MAX / 1024 ? kib : kib * 1024;
}

int64_t weir__limits_memory(void)
{
    struct sysinfo info;
    int rc = weir__sys_result(sysinfo(&info));
    int64_t total, limit = weir__limits_memory_max();

    if (rc < 0)
        return rc;
    total = (int64_t)info.totalram * info.mem_unit;
    return limit < total ? limit : total;
}

int weir__limits_kernel(char *release, size_t size)
{
    struct utsname name;
    int rc = weir__sys_result(uname(&name));

    if (rc < 0)
        return rc;
    if (strlen(name.release) >= size)
        return WEIR_ENOBUFS;
    memcpy(release, name.release, strlen(name.release) + 1);
    return 0;
}
