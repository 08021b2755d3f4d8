/* leases.c - things that expire, and a day that takes no time.
 *
 *   cc -o leases leases.c $(pkg-config --cflags --libs weir)
 *   ./leases
 *
 * A task keeps leases in a delay queue and says when one has run out; another one renews the
 * printer's every six hours; a third reports every eight. The runtime has a virtual clock, as a
 * test would: whenever all tasks wait, it moves on to the next moment at which something happens.
 * Without `.clock` the same program would run for a day.
 *
 */
#include <stdio.h>
#include <weir.h>

#define HOURS(n) WEIR_MINUTES((n)*60)

struct lease {
    weir_delay_entry entry; /* first: what the queue gives back is the lease */
    const char *what;
};

struct office {
    weir_delay_queue queue;
    struct lease printer, scanner, room;
    uint64_t opened_ns;
};

static double hours_since(uint64_t moment_ns)
{
    return (double)(weir_now_ns() - moment_ns) / (double)HOURS(1);
}

static int end_leases(void *arg)
{
    struct office *office = arg;
    weir_delay_entry *entry;
    int rc = 0;

    while (weir_delay_count(&office->queue) > 0) {
        rc = weir_delay_next(&office->queue, &entry);
        if (rc < 0)
            return rc;
        printf("%4.1f h: the %s is free\n", hours_since(office->opened_ns),
               ((struct lease *)entry)->what);
    }
    return rc;
}

static int renew_printer(void *arg)
{
    struct office *office = arg;
    weir_interval interval;
    int i, rc = weir_interval_init(&interval, HOURS(6), WEIR_MISSED_SKIP);

    for (i = 0; i < 2 && rc == 0; i++) {
        rc = weir_interval_tick(&interval, NULL);
        if (rc == 0)
            rc = weir_delay_reset(&office->queue, &office->printer.entry, HOURS(10));
    }
    return rc;
}

static int report(void *arg)
{
    struct office *office = arg;
    weir_interval interval;
    int i, rc = weir_interval_init(&interval, HOURS(8), WEIR_MISSED_DELAY);

    for (i = 0; i < 3 && rc == 0; i++) {
        rc = weir_interval_tick(&interval, NULL);
        printf("%4.1f h: %zu leases\n", hours_since(office->opened_ns),
               weir_delay_count(&office->queue));
    }
    return rc;
}

static int app(void *arg)
{
    struct office office = {.printer = {.what = "printer"},
                            .scanner = {.what = "scanner"},
                            .room = {.what = "room"},
                            .opened_ns = weir_now_ns()};
    weir_scope scope;
    int rc = weir_scope_open(&scope);

    (void)arg;
    if (rc < 0)
        return rc;
    weir_delay_insert(&office.queue, &office.printer.entry, HOURS(10));
    weir_delay_insert(&office.queue, &office.scanner.entry, HOURS(3));
    weir_delay_insert(&office.queue, &office.room.entry, HOURS(9));
    rc = weir_spawn(&scope, end_leases, &office);
    if (rc == 0)
        rc = weir_spawn(&scope, renew_printer, &office);
    if (rc == 0)
        rc = weir_spawn(&scope, report, &office);
    if (rc < 0)
        weir_scope_cancel(&scope);
    return weir_scope_join(&scope);
}

int main(void)
{
    struct weir_runtime_options options = {.workers = 1, .clock = WEIR_CLOCK_VIRTUAL};
    int rc = weir_run(app, NULL, &options);

    if (rc < 0)
        fprintf(stderr, "leases: %s\n", weir_strerror(rc));
    return rc < 0;
}
