/* bench/load/main.c - the load generator: arguments in, one line of JSON out. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "load.h"
#include "syscalls.h"

static const struct {
    const char *name;
    void (*run)(const struct load *load, struct result *result);
} modes[] = {
    {"closed", load_closed}, {"rate", load_rate}, {"storm", load_storm},
    {"idle", load_idle},     {"udp", load_udp},
};

_Noreturn void load_die(const char *what)
{
    fprintf(stderr, "load: %s: %m\n", what);
    exit(1);
}

_Noreturn static void usage(void)
{
    fprintf(stderr,
            "usage: load MODE --port N [options]\n"
            "  MODE             closed, rate, storm, idle or udp\n"
            "  --connections N  (1)      --size BYTES (64)    --in-flight N (1, closed, udp)\n"
            "  --rate N         messages a second (rate)      --http PATH   requests, not echo\n"
            "  --warmup S (0.2) --seconds S (1)               --pid N       report its CPU time\n"
            "  --syscalls       count those of the processes (slows them, needs root)\n"
            "  --segments       GSO and GRO (udp)\n"
            "  --spin           poll without sleeping         --verify      compare all bytes\n");
    exit(2);
}

static bool parse_flag(struct load *l, const char *name)
{
    if (!strcmp(name, "--spin"))
        l->spin = true;
    else if (!strcmp(name, "--verify"))
        l->verify = true;
    else if (!strcmp(name, "--segments"))
        l->segments = true;
    else if (!strcmp(name, "--syscalls"))
        l->syscalls = true;
    else
        return false;
    return true;
}

static bool parse_value(struct load *l, const char *name, const char *value)
{
    if (!strcmp(name, "--port"))
        l->port = atoi(value);
    else if (!strcmp(name, "--connections"))
        l->connections = atoi(value);
    else if (!strcmp(name, "--in-flight"))
        l->in_flight = atoi(value);
    else if (!strcmp(name, "--size"))
        l->size = strtoul(value, NULL, 10);
    else if (!strcmp(name, "--rate"))
        l->rate = atof(value);
    else if (!strcmp(name, "--warmup"))
        l->warmup_s = atof(value);
    else if (!strcmp(name, "--seconds"))
        l->seconds = atof(value);
    else if (!strcmp(name, "--http"))
        l->http_path = value;
    else if (!strcmp(name, "--pid") && l->pid_count < USAGE_PIDS_MAX)
        l->pids[l->pid_count++] = atoi(value);
    else
        return false;
    return true;
}

static void parse(struct load *l, int argc, char **argv)
{
    *l = (struct load){.connections = 1, .in_flight = 1, .size = 64, .rate = 1000};
    l->warmup_s = 0.2;
    l->seconds = 1;
    if (argc < 2)
        usage();
    l->mode = argv[1];
    for (int i = 2; i < argc; i++) {
        if (parse_flag(l, argv[i]))
            continue;
        if (i + 1 >= argc || !parse_value(l, argv[i], argv[i + 1]))
            usage();
        i++;
    }
    if (l->port <= 0 || l->connections <= 0 || l->in_flight <= 0 || !l->size || l->rate <= 0)
        usage();
}

static void print_percents(const char *name, const struct usage *u, const uint64_t *ticks)
{
    printf(",\"%s\":[", name);
    for (int i = 0; i < u->cpus; i++)
        printf("%s%.2f", i ? "," : "", 1e9 * (double)ticks[i] / (double)u->at_ns);
    printf("]");
}

static void print_result(const struct load *l, const struct result *r)
{
    const struct histogram *h = &r->latency;
    double seconds = (double)r->usage.at_ns / 1e9;

    printf("{\"mode\":\"%s\",\"connections\":%d,\"size\":%zu,\"in_flight\":%d,", l->mode,
           l->connections, l->size, l->in_flight);
    printf("\"messages\":%llu,\"lost\":%llu,\"seconds\":%.6f,\"per_second\":%.1f,",
           (unsigned long long)r->messages, (unsigned long long)r->lost, seconds,
           (double)r->messages / seconds);
    printf("\"p50_ns\":%llu,\"p99_ns\":%llu,\"p999_ns\":%llu,\"max_ns\":%llu,",
           (unsigned long long)histogram_quantile(h, 0.5),
           (unsigned long long)histogram_quantile(h, 0.99),
           (unsigned long long)histogram_quantile(h, 0.999), (unsigned long long)h->max_ns);
    printf("\"server_cpu_ns\":%llu,\"client_cpu_ns\":%llu", (unsigned long long)r->usage.servers_ns,
           (unsigned long long)r->usage.own_ns);
    if (l->syscalls)
        printf(",\"syscalls\":%llu", (unsigned long long)r->usage.syscalls);
    print_percents("busy_percent", &r->usage, r->usage.busy_ticks);
    print_percents("stolen_percent", &r->usage, r->usage.stolen_ticks);
    printf("}\n");
}

int main(int argc, char **argv)
{
    static struct result result;
    struct load load;

    parse(&load, argc, argv);
    for (int i = 0; i < load.pid_count && load.syscalls; i++) {
        if (!syscalls_watch(load.pids[i]))
            load_die("system calls cannot be counted here");
    }
    prctl(PR_SET_TIMERSLACK, 1UL);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(load.mode, modes[i].name))
            continue;
        modes[i].run(&load, &result);
        if (strcmp(load.mode, "idle"))
            print_result(&load, &result);
        return 0;
    }
    usage();
}
