/* cli/doctor.c - weir doctor: what this machine allows, what weir will use, and what to change.
 *
 * Everything is read or tried when the command runs; nothing is changed. The abilities of io_uring
 * are found by asking for each of them, as the library does, never by the kernel's version. Advice
 * is given for what would hurt a server of 50,000 connections on this machine. The exit code is 0
 * also when there is advice: a limit is no error.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli.h"

#ifndef IORING_SETUP_NO_SQARRAY /* 6.6 */
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN /* 6.1 */
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif
#ifndef IORING_SETUP_SINGLE_ISSUER /* 6.0 */
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef MADV_GUARD_INSTALL /* 6.13 */
#define MADV_GUARD_INSTALL 102
#endif

enum {
    SERVER_CONNECTIONS = 50000,
    DESCRIPTORS_WANTED = SERVER_CONNECTIONS + 1000,
    BACKLOG_WANTED = 4096,
    STACK_KIB = 16,                              /* that a task with little on its stack commits */
    MAPS_WANTED = 2 * SERVER_CONNECTIONS + 5000, /* a stack and its guard are two */
    ADVICE_MAX = 16,
    ADVICE_BYTES = 200
};

/* Advice, in the order in which it was found. */
struct report {
    char advice[ADVICE_MAX][ADVICE_BYTES];
    size_t advice_count;
};

struct choice {
    uint32_t workers;
    char backend[16];
};

__attribute__((format(printf, 2, 3))) static void advise(struct report *report, const char *format,
                                                         ...)
{
    va_list arguments;

    if (report->advice_count == ADVICE_MAX)
        return;
    va_start(arguments, format);
    vsnprintf(report->advice[report->advice_count++], ADVICE_BYTES, format, arguments);
    va_end(arguments);
}

__attribute__((format(printf, 2, 3))) static void row(const char *name, const char *format, ...)
{
    va_list arguments;

    printf("  %-22s ", name);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

/* Reads up to two numbers of a file; how many there were. */
static int read_numbers(const char *path, long long *first, long long *second)
{
    FILE *file = fopen(path, "re");
    int count;

    if (!file)
        return 0;
    count = fscanf(file, "%lld %lld", first, second);
    fclose(file);
    return count < 0 ? 0 : count;
}

/* The number in a file, or -1. */
static long long read_number(const char *path)
{
    long long first = -1, second;

    return read_numbers(path, &first, &second) >= 1 ? first : -1;
}

static void print_number(const char *name, long long number)
{
    if (number < 0)
        row(name, "unknown");
    else
        row(name, "%lld", number);
}

/* ---- the kernel and io_uring ---- */

/* A ring with these flags: its descriptor, or -1 with errno. */
static int open_ring(unsigned flags)
{
    struct io_uring_params params;

    memset(&params, 0, sizeof params);
    params.flags = flags;
    return (int)syscall(SYS_io_uring_setup, 8, &params);
}

static bool ring_works(unsigned flags)
{
    int fd = open_ring(flags);

    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static bool has_feature(unsigned feature)
{
    struct io_uring_params params;
    int fd;

    memset(&params, 0, sizeof params);
    fd = (int)syscall(SYS_io_uring_setup, 8, &params);
    if (fd < 0)
        return false;
    close(fd);
    return params.features & feature;
}

/* There is no bit for these: by the kernel's version. */
static bool kernel_is(int major, int minor)
{
    struct utsname name;
    int own_major = 0, own_minor = 0;

    return uname(&name) == 0 && sscanf(name.release, "%d.%d", &own_major, &own_minor) == 2
           && (own_major > major || (own_major == major && own_minor >= minor));
}

static bool buffer_rings_work(void)
{
    struct io_uring_buf_reg reg;
    void *ring;
    int fd = open_ring(0), rc = -1;

    if (fd < 0)
        return false;
    ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ring != MAP_FAILED) {
        memset(&reg, 0, sizeof reg);
        reg.ring_addr = (uint64_t)(uintptr_t)ring;
        reg.ring_entries = 8;
        reg.bgid = 1;
        rc = (int)syscall(SYS_io_uring_register, fd, IORING_REGISTER_PBUF_RING, &reg, 1);
    }
    close(fd);
    if (ring != MAP_FAILED)
        munmap(ring, 4096);
    return rc >= 0;
}

static const char *yes_no(bool yes)
{
    return yes ? "yes" : "no";
}

static void examine_ring(struct report *report)
{
    long long disabled = read_number("/proc/sys/kernel/io_uring_disabled");
    int fd = open_ring(0);

    if (fd < 0) {
        row("io_uring", "no: %s", strerror(errno));
        if (disabled > 0)
            advise(report, "io_uring is switched off (epoll is used): "
                           "sysctl kernel.io_uring_disabled=0");
        else if (errno == EPERM)
            advise(report, "io_uring is forbidden here, by a container's system call filter most "
                           "often (epoll is used): allow io_uring_* in it");
        else
            advise(report,
                   "io_uring does not work here (epoll is used): Linux 6.1 or later has it");
        return;
    }
    close(fd);
    row("io_uring", "yes");
    row("  single issuer", "%s", yes_no(ring_works(IORING_SETUP_SINGLE_ISSUER)));
    row("  deferred work", "%s",
        yes_no(ring_works(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)));
    row("  no index array", "%s", yes_no(ring_works(IORING_SETUP_NO_SQARRAY)));
    row("  buffer rings", "%s", yes_no(buffer_rings_work()));
    row("  wait limits", "%s", yes_no(has_feature(IORING_FEAT_EXT_ARG)));
    row("  multishot", "%s (by the kernel's version)", yes_no(kernel_is(6, 0)));
    if (!ring_works(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN))
        advise(report, "io_uring cannot defer its work here: Linux 6.1 or later makes it faster");
    if (!buffer_rings_work())
        advise(report, "io_uring has no buffer rings here: with Linux 5.19 or later receiving "
                       "needs fewer system calls");
}

/* ---- descriptors, backlog, ports ---- */

static void examine_descriptors(struct report *report)
{
    struct rlimit limit;
    long long machine = read_number("/proc/sys/fs/file-max");
    long long process = read_number("/proc/sys/fs/nr_open");

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    row("descriptors", "%llu now, at most %llu", (unsigned long long)limit.rlim_cur,
        (unsigned long long)limit.rlim_max);
    if (limit.rlim_cur < DESCRIPTORS_WANTED && limit.rlim_max >= DESCRIPTORS_WANTED)
        advise(report,
               "too few descriptors: 'ulimit -n %d' before starting, or LimitNOFILE=%d in "
               "the systemd unit",
               DESCRIPTORS_WANTED, DESCRIPTORS_WANTED);
    else if (limit.rlim_cur < DESCRIPTORS_WANTED)
        advise(report,
               "too few descriptors, also at most: set nofile to %d in "
               "/etc/security/limits.conf, or LimitNOFILE=%d in the systemd unit",
               DESCRIPTORS_WANTED, DESCRIPTORS_WANTED);
    if (machine >= 0 && machine < DESCRIPTORS_WANTED)
        advise(report, "the whole machine has %lld descriptors: sysctl fs.file-max=200000",
               machine);
    if (process >= 0 && process < DESCRIPTORS_WANTED)
        advise(report, "no process may have more than %lld descriptors: sysctl fs.nr_open=200000",
               process);
}

static void examine_network(struct report *report)
{
    long long backlog = read_number("/proc/sys/net/core/somaxconn");
    long long syn = read_number("/proc/sys/net/ipv4/tcp_max_syn_backlog");
    long long first = 0, last = 0;

    print_number("backlog (somaxconn)", backlog);
    print_number("unfinished (syn)", syn);
    if (backlog >= 0 && backlog < BACKLOG_WANTED)
        advise(report,
               "the kernel cuts backlogs to %lld, so bursts of connections are dropped: "
               "sysctl net.core.somaxconn=%d",
               backlog, BACKLOG_WANTED);
    if (syn >= 0 && syn < 1024)
        advise(report,
               "few connections may be half open: sysctl net.ipv4.tcp_max_syn_backlog=4096");
    if (read_numbers("/proc/sys/net/ipv4/ip_local_port_range", &first, &last) != 2)
        return;
    row("ports of connects", "%lld to %lld (%lld)", first, last, last - first + 1);
    if (last - first + 1 < SERVER_CONNECTIONS)
        advise(report,
               "a proxy or load tool gets %lld ports to one address: "
               "sysctl net.ipv4.ip_local_port_range='1024 65535'",
               last - first + 1);
}

/* ---- memory and processors ---- */

/* Whether a guard page can be a mark inside a mapping; seen by its effect, since some kernels take
 * any advice. */
static bool guards_are_marks(void)
{
    long size = sysconf(_SC_PAGESIZE);
    unsigned char state = 0;
    char *page;
    int pipes[2];
    bool marks = false;

    page = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return false;
    if (pipe(pipes) == 0) {
        marks = madvise(page, (size_t)size, MADV_GUARD_INSTALL) == 0
                && write(pipes[1], &state, 1) == 1 && read(pipes[0], page, 1) < 0
                && errno == EFAULT;
        close(pipes[0]);
        close(pipes[1]);
    }
    munmap(page, (size_t)size);
    return marks;
}

/* The limits of the process's cgroup and of those above it. */
static void examine_group(void)
{
    struct weir_memory_facts memory;
    struct weir_processors processors;

    weir_system_processors(&processors);
    if (processors.quota_milli == WEIR_UNLIMITED)
        row("cgroup processors", "no limit");
    else
        row("cgroup processors", "%lld.%03lld", (long long)processors.quota_milli / 1000,
            (long long)processors.quota_milli % 1000);
    if (weir_system_memory(&memory) < 0)
        return;
    if (memory.limit == WEIR_UNLIMITED)
        row("cgroup memory", "no limit");
    else
        row("cgroup memory", "%lld MiB", (long long)memory.limit >> 20);
    if (memory.high != WEIR_UNLIMITED)
        row("cgroup memory, high", "%lld MiB", (long long)memory.high >> 20);
    row("memory left", "%lld MiB", (long long)memory.left >> 20);
}

static void examine_memory(struct report *report)
{
    struct weir_memory_facts memory;
    long long maps = read_number("/proc/sys/vm/max_map_count"), mib;
    bool marks = guards_are_marks();

    print_number("memory maps", maps);
    row("stack guards", "%s",
        marks ? "marks, which cost no memory map" : "memory maps of their own");
    if (!marks && maps >= 0 && maps < MAPS_WANTED)
        advise(report,
               "%d handlers that all wait in the middle need more memory maps: "
               "sysctl vm.max_map_count=%d (not for servers that start at the first byte)",
               SERVER_CONNECTIONS, MAPS_WANTED);
    if (read_number("/proc/sys/vm/overcommit_memory") == 2)
        advise(report, "memory is never overcommitted, so each stack counts whole: "
                       "sysctl vm.overcommit_memory=0");
    if (weir_system_memory(&memory) < 0)
        return;
    mib = (long long)memory.usable >> 20;
    row("memory", "%lld MiB", mib);
    if (mib < (long long)SERVER_CONNECTIONS * STACK_KIB / 1024 + 512)
        advise(report,
               "%lld MiB are little for %d connections with a stack each: lower "
               "--connections-max",
               mib, SERVER_CONNECTIONS);
}

static void examine_kernel(void)
{
    struct weir_names names;
    struct weir_processors processors;

    if (weir_system_names(&names) == 0)
        row("kernel", "%s %s on %s", names.system, names.release, names.machine);
    weir_system_processors(&processors);
    row("processors", "%u of %u online, %u in the mask", processors.online, processors.configured,
        processors.mask);
}

/* ---- what weir will use ---- */

static int choose(void *arg)
{
    struct choice *choice = arg;

    choice->workers = weir_worker_count();
    snprintf(choice->backend, sizeof choice->backend, "%s", weir_backend_name());
    return 0;
}

static int examine_weir(struct report *report)
{
    struct choice choice = {0};
    const char *wish = getenv("WEIR_BACKEND");
    int rc = weir_run(choose, &choice, NULL);

    if (rc < 0) {
        row("weir", "does not start: %s", weir_strerror(rc));
        if (wish)
            advise(report, "WEIR_BACKEND is '%s': unset it, or set uring, epoll or auto", wish);
        return CLI_FAILED;
    }
    row("backend", "%s%s", choice.backend, wish ? " (WEIR_BACKEND is set)" : "");
    row("workers", "%u", choice.workers);
    return CLI_OK;
}

static void print_advice(const struct report *report)
{
    size_t i;

    printf("\nFor %d connections:\n", SERVER_CONNECTIONS);
    for (i = 0; i < report->advice_count; i++)
        printf("  - %s\n", report->advice[i]);
    if (report->advice_count == 0)
        puts("  nothing to change");
}

/* ---- options of runtimes ---- */

static void print_option(const struct weir_runtime_option *option, void *arg)
{
    (void)arg;
    printf("  %-18s %-23s %-9s %s%s\n", option->key,
           option->variable ? option->variable : "(struct only)", option->value, option->meaning,
           option->wrong == WEIR_ON              ? " (WRONG: unset it or change it)"
           : option->from_environment == WEIR_ON ? " (set)"
                                                 : "");
}

static int print_options(void)
{
    printf("  %-18s %-23s %-9s %s\n", "option", "variable", "value", "meaning");
    if (weir_runtime_options_each(NULL, print_option, NULL) < 0)
        return cli_fail(CLI_FAILED, "a variable of the environment has a value that is not one");
    return CLI_OK;
}

struct settings {
    bool options;
};

static const struct cli_option options[] = {
    {"options", NULL, "print the options of runtimes, with their variables and values",
     cli_take_switch, offsetof(struct settings, options)},
    {0}};

int cli_doctor(int argc, char **argv)
{
    static struct report report;
    struct settings settings = {false};
    int rc = cli_parse("doctor", argc, argv, options, &settings, NULL);

    if (rc)
        return rc;
    if (settings.options)
        return print_options();
    puts("This machine:");
    examine_kernel();
    examine_ring(&report);
    examine_descriptors(&report);
    examine_network(&report);
    examine_memory(&report);
    examine_group();
    puts("\nweir " WEIR_VERSION_TEXT " will use:");
    rc = examine_weir(&report);
    print_advice(&report);
    return rc;
}

void cli_doctor_help(void)
{
    puts("usage: weir doctor [OPTION...]\n\nPrints what this machine allows, what weir will use, "
         "and what to change for a\nserver of 50,000 connections. Changes nothing.\n");
    cli_print_options(options);
}
