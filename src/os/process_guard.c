/* os/process_guard.c - the task that guards a process for its scope, and carries its bytes. */
#include "os/process.h"

#include "base/alloc.h"

#define DRAIN_NS WEIR_SECONDS(1) /* for output, when the process has ended */

int weir__carry(weir_stream from, weir_stream to)
{
    weir_lent lent;
    int rc;

    while ((rc = weir_read_lent(from, &lent)) > 0) {
        rc = weir_write_all(to, lent.bytes, lent.len);
        weir_give_back(&lent);
        if (rc < 0)
            break;
    }
    return rc;
}

static int carry(void *arg)
{
    struct weir__carried *carried = arg;

    if (carried->input)
        (void)weir__carry(carried->other, carried->child);
    else
        (void)weir__carry(carried->child, carried->other);
    weir_close(carried->child);
    return 0;
}

/* Output goes on for a little, since others may have the pipe; nobody reads input any more. */
static void end_carrier(struct weir__carried *carried)
{
    weir_block block;

    if (!carried->input && weir_deadline_begin(&block, DRAIN_NS) == 0) {
        (void)weir_task_join(carried->task, NULL);
        (void)weir_block_end(&block);
    }
    (void)weir_task_abort(carried->task);
}

/* Waits for the end of the process, or brings it about when the task is stopped. */
static void await_end(struct weir__guard *guard)
{
    struct weir_exit end;
    weir_block block;
    int rc = weir__process_await(guard->process, &end);

    if (rc != WEIR_ECANCELED && rc != WEIR_EDEADLINE)
        return;
    if (weir_shield_begin(&block, WEIR_FOREVER) < 0)
        return;
    (void)weir__process_end(guard->process, guard->signal, guard->grace_ns, &end);
    (void)weir_block_end(&block);
}

static int guard_process(void *arg)
{
    struct weir__guard *guard = arg;
    weir_scope scope;
    uint32_t i;
    int rc = weir_scope_open_with(&scope, &(struct weir_scope_options){.policy = WEIR_SCOPE_ALL});
    bool open = rc == 0;

    for (i = 0; i < guard->count; i++) {
        if (rc == 0)
            rc = weir_spawn_task(&scope, &guard->carried[i].task, carry, &guard->carried[i]);
        if (rc < 0) /* the process sees the end, or a broken pipe */
            weir_close(guard->carried[i].child);
    }
    await_end(guard);
    for (i = 0; i < guard->count; i++)
        end_carrier(&guard->carried[i]);
    if (open)
        (void)weir_scope_join(&scope);
    weir__process_drop(guard->process);
    weir__free(guard);
    return rc == WEIR_ECANCELED ? 0 : rc;
}

int weir__guard_spawn(weir_scope *scope, struct weir__guard *guard)
{
    return weir_spawn_with(scope, guard_process, guard,
                           &(struct weir_spawn_options){.name = "process"});
}
