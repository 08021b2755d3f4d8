/* test/model/loan.c - a worker that is lent: by its thread, to a standby, and taken back. */
#include "check/rig.h"

#include "task/loan.c"

static struct weir__standby standby;
static uint32_t stepping; /* threads that are inside the worker */
static uint32_t steps;

static void enter_worker(void)
{
    MODEL_CHECK(WEIR_ATOMIC_ADD(&stepping, 1, RELAXED) == 0);
}

static void leave_worker(void)
{
    (void)WEIR_ATOMIC_SUB(&stepping, 1, RELAXED);
}

struct weir__standby *weir__runtime_standby(struct weir__runtime *runtime)
{
    (void)runtime;
    return &standby;
}

uint32_t weir__runtime_workers(const struct weir__runtime *runtime)
{
    (void)runtime;
    return 1;
}

struct weir__worker *weir__runtime_worker(struct weir__runtime *runtime, uint32_t index)
{
    (void)runtime;
    (void)index;
    return &rigs[0].worker;
}

/* What a step does with the worker is plain: a race if two are in it. */
int weir__worker_step(struct weir__worker *worker)
{
    enter_worker();
    worker->run.tick++;
    worker->select_random++;
    leave_worker();
    if (WEIR_ATOMIC_LOAD(&worker->loan, RELAXED) == LOAN_STEPPED && steps++ > 0)
        (void)weir__loop_poll(worker->loop, -1); /* nothing to run: asleep until the rouse */
    return 0;
}

void weir__context_switch(struct weir__context *from, struct weir__context *to)
{
    (void)from;
    (void)to;
}

void weir__context_switch_final(struct weir__context *from, struct weir__context *to)
{
    weir__context_switch(from, to);
}

static void begin(void)
{
    rig_begin();
    standby = (struct weir__standby){0};
    stepping = steps = 0;
    weir__current_take_back = take_back;
}

/* The owner: lends as the signal would have it, computes, and calls the library again. */
static void lend(void)
{
    struct weir__worker *worker = &rigs[0].worker;

    weir__here()->worker = worker;
    weir__loan_begin(worker);
    (void)weir__current_call();
    MODEL_CHECK(WEIR_ATOMIC_LOAD(&worker->loan, RELAXED) == LOAN_HOME);
    MODEL_CHECK(worker->current == &rigs[0].task);
    enter_worker();
    worker->run.tick++;
    leave_worker();
    WEIR_ATOMIC_STORE(&standby.stopping, 1, SEQ_CST);
    (void)WEIR_ATOMIC_ADD(&standby.word, 1, SEQ_CST);
    weir__sys->unpark(&standby.word, UINT32_MAX);
}

static void stand(void)
{
    stand_by(NULL);
}

static void end(void)
{
    MODEL_CHECK(rigs[0].worker.loan == LOAN_HOME && !rigs[0].worker.run.lent);
}

static const struct model model = {
    .name = "loan", .begin = begin, .threads = {lend, stand}, .end = end};
static const struct model two_standbys = {.name = "loan, two standbys",
                                          .begin = begin,
                                          .threads = {lend, stand, stand},
                                          .end = end,
                                          .runs_max = 30000};

TEST(a_worker_is_in_one_hand_at_a_time)
{
    model_holds(&model);
}

TEST(one_of_two_standbys_has_it)
{
    model_holds(&two_standbys);
}

TEST(a_worker_that_is_given_back_loosely_is_a_race)
{
    model_fails(&model,
                &(struct model_mutation){.function = "step_lent", .pointer = "&worker->loan"});
}

TEST(an_owner_that_does_not_rouse_waits_for_ever)
{
    model_fails(&model, &(struct model_mutation){.function = "weir__loop_rouse", .blind = true});
}
