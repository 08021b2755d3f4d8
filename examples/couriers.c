/* couriers.c - looking after tasks one by one: results as they come, a call back, closing time.
 *
 *   cc -o couriers couriers.c $(pkg-config --cflags --libs weir)
 *   ./couriers
 *
 * Four couriers, each a task, are out with a parcel; an office takes their reports in the order in
 * which they come. After an hour Bert's customer cancels, and Bert alone is called back, by the
 * handle of his task. The day has a token: at closing time, after four hours, it is cancelled, and
 * whoever is out still turns back. The clock is virtual, so the day takes no time.
 */
#include <stdio.h>
#include <weir.h>

#define HOURS(n) WEIR_MINUTES((n)*60)

struct courier {
    const char *name;
    int hours; /* that the way takes */
    weir_task task;
};

struct office {
    struct courier couriers[4];
    weir_token day;
    uint64_t opened_ns;
};

static int hour(const struct office *office)
{
    return (int)((int64_t)(weir_now_ns() - office->opened_ns) / HOURS(1));
}

static int deliver(void *arg)
{
    const struct courier *courier = arg;

    return weir_sleep(HOURS(courier->hours)); /* WEIR_ECANCELED: turned back */
}

static int call_bert_back(void *arg)
{
    struct office *office = arg;
    int rc = weir_sleep(HOURS(1));

    return rc < 0 ? rc : weir_task_abort(office->couriers[1].task);
}

static int close_office(void *arg)
{
    struct office *office = arg;
    int rc = weir_sleep(HOURS(4));

    return rc < 0 ? rc : weir_token_cancel(office->day);
}

/* The scope of the couriers is bound to the token of the day. */
static int take_reports(struct office *office)
{
    struct weir_scope_options options = {
        .policy = WEIR_SCOPE_ALL, .collected = WEIR_ON, .token = office->day};
    struct weir_ended ended;
    weir_scope scope;
    int i, next, rc = weir_scope_open_with(&scope, &options);

    if (rc < 0)
        return rc;
    for (i = 0; i < 4 && rc == 0; i++) {
        struct courier *courier = &office->couriers[i];
        struct weir_spawn_options spawn = {.name = courier->name, .task = &courier->task};

        rc = weir_spawn_with(&scope, deliver, courier, &spawn);
    }
    while (rc == 0 && (next = weir_scope_next(&scope, &ended)) != 0) {
        if (next < 0)
            rc = next;
        else
            printf("%d h: %s has %s\n", hour(office), ended.name,
                   ended.result == 0 ? "delivered" : "turned back");
    }
    weir_scope_cancel(&scope);
    (void)weir_scope_join(&scope); /* a courier who has turned back is no failure */
    return rc;
}

static int app(void *arg)
{
    struct office office = {
        .couriers = {{"anna", 3, {0}}, {"bert", 5, {0}}, {"cleo", 2, {0}}, {"dora", 9, {0}}},
        .opened_ns = weir_now_ns(),
    };
    weir_scope scope;
    int rc = weir_token_create(&office.day);

    (void)arg;
    if (rc < 0)
        return rc;
    rc = weir_scope_open(&scope);
    if (rc == 0) {
        rc = weir_spawn(&scope, call_bert_back, &office);
        if (rc == 0)
            rc = weir_spawn(&scope, close_office, &office);
        if (rc == 0)
            rc = take_reports(&office);
        if (rc < 0)
            weir_scope_cancel(&scope);
        (void)weir_scope_join(&scope);
    }
    weir_token_destroy(office.day);
    return rc;
}

int main(void)
{
    struct weir_runtime_options options = {.clock = WEIR_CLOCK_VIRTUAL};
    int rc = weir_run(app, NULL, &options);

    if (rc < 0)
        fprintf(stderr, "couriers: %s\n", weir_strerror(rc));
    return rc < 0;
}
