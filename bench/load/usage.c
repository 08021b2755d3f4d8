/* bench/load/usage.c - processor time of processes and processors; see usage.h. */
#include "usage.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "syscalls.h"

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    if (clock_gettime(clock, &t))
        return 0;
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

uint64_t usage_now(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t process_ns(int pid)
{
    clockid_t clock;

    return clock_getcpuclockid(pid, &clock) ? 0 : clock_ns(clock);
}

/* /proc/stat: cpuN user nice system idle iowait irq softirq steal ... */
static void read_processors(struct usage *u)
{
    FILE *f = fopen("/proc/stat", "re");
    unsigned long long t[8];
    char line[512];
    int cpu;

    while (f && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "cpu%d %llu %llu %llu %llu %llu %llu %llu %llu", &cpu, &t[0], &t[1], &t[2],
                   &t[3], &t[4], &t[5], &t[6], &t[7])
                == 9
            && cpu < USAGE_CPUS_MAX) {
            u->busy_ticks[cpu] = t[0] + t[1] + t[2] + t[5] + t[6];
            u->stolen_ticks[cpu] = t[7];
            u->cpus = cpu + 1;
        }
    }
    if (f)
        fclose(f);
}

void usage_read(struct usage *u, const int *pids, int pid_count)
{
    memset(u, 0, sizeof(*u));
    read_processors(u);
    u->syscalls = syscalls_read();
    u->at_ns = usage_now();
    u->own_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < pid_count; i++)
        u->servers_ns += process_ns(pids[i]);
}

void usage_between(struct usage *u, const struct usage *earlier, const struct usage *later)
{
    *u = *later;
    u->at_ns -= earlier->at_ns;
    u->servers_ns -= earlier->servers_ns;
    u->own_ns -= earlier->own_ns;
    u->syscalls -= earlier->syscalls;
    for (int i = 0; i < u->cpus; i++) {
        u->busy_ticks[i] -= earlier->busy_ticks[i];
        u->stolen_ticks[i] -= earlier->stolen_ticks[i];
    }
}
