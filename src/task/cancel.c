/* task/cancel.c - how a cancel reaches a task and what it has open.
 *
 * The flag is set first, then the task's wait is looked at; the worker that parks a task looks at
 * the flag after it has parked it. Between the two both write the word of the task's state, so one
 * of them sees the other.
 * A wait on another worker's loop is ended there: by one message, which comes back before the next
 * is sent or the task's memory is used again.
 */
#include "base/container.h"
#include "base/probe.h"
#include "sys/sys.h"
#include "task/scope.h"
#include "task/state.h"
#include "task/task.h"
#include "task/worker.h"

/* ---- the scopes that a task has open ---- */

static void lock_scopes(struct weir__task *task)
{
    while (WEIR_ATOMIC_EXCHANGE(&task->scopes_lock, 1, ACQUIRE))
        weir__sys_cpu_relax();
}

static void unlock_scopes(struct weir__task *task)
{
    WEIR_ATOMIC_STORE(&task->scopes_lock, 0, RELEASE);
}

void weir__task_open_scope(struct weir__task *task, struct weir__scope *scope)
{
    lock_scopes(task);
    weir__list_push_back(&task->scopes, &scope->open);
    unlock_scopes(task);
    if (WEIR_ATOMIC_LOAD(&task->cancelled, SEQ_CST) && !task->shields)
        weir__scope_cancel(scope);
}

void weir__task_close_scope(struct weir__task *task, struct weir__scope *scope)
{
    lock_scopes(task);
    weir__list_remove(&scope->open);
    unlock_scopes(task);
}

static void cancel_scopes(struct weir__task *task)
{
    struct weir__list *link;

    lock_scopes(task);
    for (link = task->scopes.next; link != &task->scopes; link = link->next) {
        struct weir__scope *scope = WEIR_CONTAINER_OF(link, struct weir__scope, open);

        if (!scope->shielded)
            weir__scope_cancel(scope);
    }
    unlock_scopes(task);
}

/* ---- the wait ---- */

static void send_stop(struct weir__task *task);

/* Back home: the task may wait somewhere else by now, or have ended. */
static void deliver_home(weir_post *post, weir_loop *loop)
{
    struct weir__task *task = WEIR_CONTAINER_OF(post, struct weir__task, stop_post);

    (void)loop;
    task->stop_out = false;
    if (task->ended)
        weir__task_release(task);
    else
        send_stop(task);
}

/* On the loop where the task waits, or has waited. */
static void deliver_stop(weir_post *post, weir_loop *loop)
{
    struct weir__task *task = WEIR_CONTAINER_OF(post, struct weir__task, stop_post);

    (void)loop;
    weir__task_stop(task, task->stop_word, WEIR_ECANCELED);
    post->deliver = deliver_home;
    weir__loop_post(task->home->loop, post);
}

static void send_stop(struct weir__task *task)
{
    uint64_t word;

    weir__task_state_meet(&task->state);
    word = WEIR_ATOMIC_LOAD(&task->wait, SEQ_CST);
    if (!word || word >= WEIR__WAIT_STOPPED || (word & WEIR__WAIT_SHIELDED) || task->stop_out
        || word == task->stop_word)
        return;
    task->stop_word = word;
    if ((word & WEIR__WAIT_PAUSE) || weir__wait_word_loop(word) == task->home->loop->index) {
        weir__task_stop(task, word, WEIR_ECANCELED);
        return;
    }
    task->stop_out = true;
    task->stop_post.deliver = deliver_stop;
    weir__loop_post(weir__loop_by_index(weir__wait_word_loop(word)), &task->stop_post);
}

void weir__task_cancel(struct weir__task *task)
{
    if (WEIR_ATOMIC_EXCHANGE(&task->cancelled, true, SEQ_CST)) /* partner: weir__task_parked */
        return;
    WEIR_PROBE1(cancel, task->id);
    send_stop(task);
    cancel_scopes(task);
}

void weir__task_parked(struct weir__task *task, uint64_t word)
{
    /* a pause that was stopped between its switch and now is woken by the one who did it */
    if (word && word < WEIR__WAIT_STOPPED && !(word & WEIR__WAIT_SHIELDED)
        && WEIR_ATOMIC_LOAD(&task->cancelled, SEQ_CST))
        weir__task_stop(task, word, WEIR_ECANCELED);
}
