/* os/signal.c - see <weir/signal.h>.
 *
 * A handler writes what came as one record into a pipe, which never waits; what does not fit is
 * only noted by its number. One thread of the process reads the pipe, and so does everybody who is
 * about to wait: whoever reads hands the signals out, under one lock. A signal goes to all who wait
 * for it, and is kept if nobody does; and it goes to every listener that has it in its set.
 *
 * The lock, which is of the process, comes before that of a listener.
 */
#include <weir/signal.h>

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "base/atomic.h"
#include "base/container.h"
#include "base/options.h"
#include "core/pool.h"
#include "core/sim.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/spawn.h"
#include "task/case.h"
#include "task/grant.h"
#include "task/task.h"
#include "task/worker.h"

#define NUMBERS 64 /* 1..63 */

/* Signals that have come and are not taken: the last one's record for each number. */
struct come {
    uint64_t set; /* a bit a signal */
    struct weir_signal_info info[NUMBERS];
};

struct request {
    uint64_t wanted;
    struct weir_signal_info *out;
};

struct listener {
    uint32_t lock;
    uint64_t id;
    uint64_t wanted;
    struct weir__list link; /* of all listeners */
    struct weir__waitq waiters;
    struct come come;
    struct listener *next; /* the pool's */
};

static struct weir__pool listeners_pool = WEIR__POOL(struct listener);

static uint64_t lost;    /* what the pipe had no room for; partners: the handler and drain */
static uint64_t handled; /* signals that have our handler; partner: the thread */
static int pipe_fds[2] = {-1, -1};

static uint32_t lock; /* guards the rest */
static bool running;  /* the thread is there, for ever */
static struct weir__thread thread;
static struct come kept;
static struct weir__waitq waiters;
static struct weir__list listeners;

/* ---- in the handler ---- */

static void on_signal(int number, siginfo_t *info, void *machine)
{
    struct weir_signal_info record = {.signal = number, .code = info->si_code, .count = 1};
    int saved = weir__sys_errno();

    (void)machine;
    if (info->si_code == SI_USER || info->si_code == SI_QUEUE || number == SIGCHLD) {
        record.pid = info->si_pid;
        record.user = info->si_uid;
    }
    if (info->si_code == SI_QUEUE)
        record.value = info->si_value.sival_int;
    else if (number == SIGCHLD)
        record.value = info->si_status;
    if (weir__sys_write(pipe_fds[1], &record, sizeof record) != (int)sizeof record) {
        (void)WEIR_ATOMIC_OR(&lost, 1ull << number, SEQ_CST);
        /* the pipe may have been emptied, and the lost ones looked for, in between */
        record.signal = 0;
        (void)weir__sys_write(pipe_fds[1], &record, sizeof record);
    }
    weir__sys_errno_restore(saved);
}

/* ---- handing out: under the lock ---- */

static void note(struct come *come, const struct weir_signal_info *info)
{
    struct weir_signal_info *noted = &come->info[info->signal];
    uint32_t count = come->set & 1ull << info->signal ? noted->count : 0;

    *noted = *info;
    noted->count += count;
    come->set |= 1ull << info->signal;
}

/* The lowest number that has come and is wanted, or 0. */
static int take(struct come *come, uint64_t wanted, struct weir_signal_info *out)
{
    uint64_t got = come->set & wanted;
    int number = got ? __builtin_ctzll(got) : 0;

    if (!number)
        return 0;
    *out = come->info[number];
    come->set &= ~(1ull << number);
    return number;
}

/* The first who waits for this signal, claimed. */
static struct weir__waiter *claim_for(int number)
{
    struct weir__list *link, *next;

    for (link = waiters.list.next; link && link != &waiters.list; link = next) {
        struct weir__waiter *waiter = WEIR_CONTAINER_OF(link, struct weir__waiter, link);
        const struct request *request = waiter->data;

        next = link->next;
        if ((request->wanted & 1ull << number) && weir__waiter_claim(&waiters, waiter))
            return waiter;
    }
    return NULL;
}

/* Takes what has come for a waiter or a case: its number, or 0. */
static int take_for(struct listener *listener, void *out, size_t size)
{
    struct weir_signal_info info;
    int number = take(&listener->come, listener->wanted, &info);

    if (number && out)
        memcpy(out, &info, size);
    return number;
}

static void give_listener(struct listener *listener, const struct weir_signal_info *info)
{
    struct weir__wakes wakes;
    struct weir__waiter *waiter;

    wakes.count = 0;
    weir__lock(&listener->lock);
    note(&listener->come, info);
    waiter = weir__claim_first(&listener->waiters);
    if (waiter)
        weir__wakes_grant(&wakes, waiter, take_for(listener, waiter->data, waiter->count));
    weir__wakes_release(&wakes, &listener->lock);
}

static void hand_out(const struct weir_signal_info *info)
{
    struct weir__waiter *waiter;
    struct weir__list *link;
    bool taken = false;

    while ((waiter = claim_for(info->signal))) {
        *((const struct request *)waiter->data)->out = *info;
        weir__wake(weir__waiter_grant(waiter, info->signal));
        taken = true;
    }
    if (!taken)
        note(&kept, info);
    for (link = listeners.next; link && link != &listeners; link = link->next) {
        struct listener *listener = WEIR_CONTAINER_OF(link, struct listener, link);

        if (listener->wanted & 1ull << info->signal)
            give_listener(listener, info);
    }
}

static void drain(void)
{
    struct weir_signal_info info;
    uint64_t left;

    while (weir__sys_read(pipe_fds[0], &info, sizeof info) == (int)sizeof info) {
        if (info.signal)
            hand_out(&info);
    }
    left = WEIR_ATOMIC_EXCHANGE(&lost, 0, SEQ_CST);
    while (left) {
        info = (struct weir_signal_info){.signal = __builtin_ctzll(left), .count = 1};
        left &= left - 1;
        hand_out(&info);
    }
}

/* ---- the thread ---- */

static void run(void *arg)
{
    struct pollfd poll_fd = {.fd = pipe_fds[0], .events = POLLIN};

    (void)arg;
    weir__thread_detach();
    for (;;) {
        (void)weir__sys_poll(&poll_fd, 1, -1);
        weir__spawn_unblock(WEIR_ATOMIC_LOAD(&handled, SEQ_CST) >> 1);
        weir__lock(&lock);
        drain();
        weir__unlock(&lock);
    }
}

/* Makes the pipe and the thread. Under the lock. */
static int begin(void)
{
    int rc = 0;

    if (weir__sim_on()) /* whose threads are not the system's */
        return WEIR_ENOTSUP;
    if (running)
        return 0;
    if (pipe_fds[0] < 0)
        rc = weir__sys_pipe2(pipe_fds, O_NONBLOCK);
    if (rc < 0)
        return rc;
    rc = weir__sys_table()->thread_start(&thread, run, NULL, "weir-signals");
    running = rc == 0;
    return rc;
}

static int install(int number)
{
    struct weir_signal_info nothing = {0};
    struct sigaction action;
    int rc;

    if (handled & 1ull << number)
        return 0;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_RESTART | SA_SIGINFO;
    sigfillset(&action.sa_mask);
    rc = weir__sys_sigaction(number, &action, NULL);
    if (rc < 0)
        return rc;
    (void)WEIR_ATOMIC_OR(&handled, 1ull << number, SEQ_CST);
    (void)weir__sys_write(pipe_fds[1], &nothing, sizeof nothing); /* the thread is to take it */
    return 0;
}

/* ---- calls ---- */

/* The set of numbers, or 0 if one is none. */
static uint64_t set_of(const int *signals, size_t count, int most)
{
    uint64_t set = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        if (signals[i] < 1 || signals[i] > most)
            return 0;
        set |= 1ull << (signals[i] % 64);
    }
    return set;
}

/* Under the lock. */
static int install_all(const int *signals, size_t count)
{
    int rc = begin();
    size_t i;

    for (i = 0; rc == 0 && i < count; i++)
        rc = install(signals[i]);
    return rc;
}

static int wait_for(const int *signals, size_t count, struct weir_signal_info *out)
{
    struct request request = {set_of(signals, count, NUMBERS - 1), out};
    struct weir__waiter *waiter;
    int rc;

    if (!weir__task_current())
        return WEIR_ENOTASK;
    if (!request.wanted)
        return WEIR_EINVAL;
    rc = weir__leaf();
    if (rc < 0)
        return rc;
    weir__lock(&lock);
    rc = install_all(signals, count);
    if (rc == 0) {
        drain();
        rc = take(&kept, request.wanted, out);
    }
    if (rc != 0) {
        weir__unlock(&lock);
        return rc;
    }
    waiter = weir__waiter_begin(NULL, "signal");
    waiter->data = &request;
    weir__waitq_push(&waiters, waiter);
    weir__unlock(&lock);
    return weir__waiter_wait(waiter, &waiters, &lock);
}

int weir_signal_wait_info_n(const int *signals, size_t count, struct weir_signal_info *out,
                            size_t out_size)
{
    WEIR__CALL;
    struct weir_signal_info info;
    int rc = wait_for(signals, count, &info);

    if (rc > 0)
        weir__options_give(out, out_size, &info, sizeof info);
    return rc;
}

int weir_signal_wait(const int *signals, size_t count)
{
    return weir_signal_wait_info_n(signals, count, NULL, 0);
}

static int make_listener(struct listener **out)
{
    struct listener *listener = weir__pool_take(&listeners_pool);
    int rc;

    if (!listener)
        return WEIR_ENOMEM;
    listener->come.set = 0;
    rc = weir__handle_make(WEIR__KIND_SIGNALS, listener, &listener->id);
    if (rc < 0)
        weir__pool_give(&listeners_pool, listener);
    else
        *out = listener;
    return rc;
}

int weir_signals_open(weir_signals *out, const int *signals, size_t count)
{
    WEIR__CALL;
    uint64_t wanted = set_of(signals, count, NUMBERS - 1);
    struct listener *listener;
    int rc;

    if (!wanted)
        return WEIR_EINVAL;
    weir__lock(&lock);
    rc = install_all(signals, count);
    if (rc == 0) {
        drain(); /* what came before is not the listener's */
        rc = make_listener(&listener);
    }
    if (rc == 0) {
        listener->wanted = wanted;
        if (!listeners.next)
            weir__list_init(&listeners);
        weir__list_push_back(&listeners, &listener->link);
        out->id = listener->id;
    }
    weir__unlock(&lock);
    return rc;
}

/* Hands out what has come already. */
static void look(void)
{
    weir__lock(&lock);
    if (running)
        drain();
    weir__unlock(&lock);
}

static int next_of(weir_signals handle, struct weir_signal_info *out)
{
    struct weir__waiter own, *waiter;
    struct listener *listener;
    int rc;

    look();
    listener = weir__named_lock(handle.id, WEIR__KIND_SIGNALS);
    if (!listener)
        return WEIR_EBADHANDLE;
    rc = take(&listener->come, listener->wanted, out);
    if (rc != 0) {
        weir__unlock(&listener->lock);
        return rc;
    }
    waiter = weir__waiter_begin(&own, "signal");
    waiter->data = out;
    waiter->count = sizeof *out;
    weir__waitq_push(&listener->waiters, waiter);
    weir__unlock(&listener->lock);
    return weir__waiter_wait(waiter, &listener->waiters, &listener->lock);
}

int weir_signals_next_n(weir_signals handle, struct weir_signal_info *out, size_t out_size)
{
    WEIR__CALL;
    struct weir_signal_info info;
    int rc = weir__leaf();

    if (rc == 0)
        rc = next_of(handle, &info);
    if (rc > 0)
        weir__options_give(out, out_size, &info, sizeof info);
    return rc;
}

static bool attempt(struct weir__case *c, struct weir__task *task)
{
    struct listener *listener;

    (void)task;
    look();
    listener = weir__named_lock(c->id, WEIR__KIND_SIGNALS);
    c->result = listener ? take_for(listener, c->data, c->len) : WEIR_EBADHANDLE;
    if (listener)
        weir__unlock(&listener->lock);
    return c->result != 0;
}

static enum weir__case_step enlist(struct weir__case *c, struct weir__select *select)
{
    struct listener *listener = weir__named_lock(c->id, WEIR__KIND_SIGNALS);
    enum weir__case_step step = CASE_WAITS;

    if (!listener)
        return weir__case_gone(c, select, WEIR_EBADHANDLE);
    if (!(listener->come.set & listener->wanted)) {
        c->waiter.count = (uint32_t)c->len;
        weir__case_queue(c, select, &listener->waiters, &listener->lock);
    } else {
        step = weir__case_claim(c, select) ? CASE_DONE : CASE_LOST;
        if (step == CASE_DONE)
            c->result = take_for(listener, c->data, c->len);
    }
    weir__unlock(&listener->lock);
    return step;
}

static const struct weir__case_calls calls = {.attempt = attempt, .enlist = enlist};

void weir_case_signals_n(weir_case *out, weir_signals listener, struct weir_signal_info *info,
                         size_t info_size)
{
    /* what is beyond ours is never written again */
    if (info && info_size > sizeof *info)
        memset(info + 1, 0, info_size - sizeof *info);
    weir__case_fill(out, &calls, listener.id, info,
                    info_size < sizeof *info ? info_size : sizeof *info);
}

int weir_signals_close(weir_signals handle)
{
    WEIR__CALL;
    struct weir__crowd crowd = {0};
    struct listener *listener;

    weir__lock(&lock);
    listener = weir__named_lock(handle.id, WEIR__KIND_SIGNALS);
    if (listener) {
        weir__list_remove(&listener->link);
        weir__handle_free(listener->id);
        weir__crowd_take(&crowd, &listener->waiters);
    }
    weir__unlock(&lock);
    if (!listener)
        return 0;
    weir__crowd_grant(&crowd, &listener->lock, NULL, NULL, WEIR_ECLOSED);
    weir__pool_give(&listeners_pool, listener);
    return 0;
}

int weir_signal_block(const int *signals, size_t count, uint64_t *before)
{
    WEIR__CALL;
    uint64_t set = 0;
    size_t i;

    if (weir__task_current())
        return WEIR_EBUSY;
    for (i = 0; i < count; i++) {
        if (signals[i] < 1 || signals[i] > 64)
            return WEIR_EINVAL;
        set |= 1ull << (signals[i] - 1);
    }
    *before = weir__spawn_blocked();
    weir__spawn_set_blocked(*before | set);
    return 0;
}

void weir_signal_restore(uint64_t mask)
{
    weir__spawn_set_blocked(mask);
}
