/* core/call.c - see call.h. */
#include "core/call.h"

#include "base/atomic.h"
#include "base/container.h"
#include "core/loop.h"
#include "sys/sys.h"

void weir__op_call(weir_op *op, struct weir__call *call)
{
    op->fd = NULL;
    op->kind = WEIR_OP_CALL;
    op->flags = 0;
    op->result = 0;
    op->weir__next = NULL;
    op->weir__state = OP_IDLE;
    op->weir__cancels = 0;
    op->u.call = call;
    call->with_pool = false;
}

static void complete(struct weir__call *call, int result)
{
    call->with_pool = false;
    call->op->result = result;
    weir__loop_complete(call->loop, call->op);
}

/* Who has no thread waits itself. */
static bool no_thread(int error)
{
    return error == WEIR_EAGAIN || error == WEIR_ENOMEM;
}

static void deliver(struct weir__inbox_node *node, weir_loop *loop)
{
    struct weir__call *call = WEIR_CONTAINER_OF(node, struct weir__call, post);
    int error = call->job.error;

    (void)loop;
    if (error)
        complete(call, no_thread(error) ? call->run(call) : error);
    else
        complete(call, call->result);
}

static void run(struct weir__job *job)
{
    struct weir__call *call = WEIR_CONTAINER_OF(job, struct weir__call, job);

    call->result = call->run(call);
}

/* The loop may deliver the message, and with it give the call's memory back, before it is woken;
 * the count keeps the loop itself. Partner: weir__call_fini. */
static void finish(struct weir__job *job)
{
    struct weir__call *call = WEIR_CONTAINER_OF(job, struct weir__call, job);
    weir_loop *loop = call->loop;

    weir__loop_post(loop, &call->post);
    (void)WEIR_ATOMIC_SUB(&loop->calls, 1, RELEASE);
}

void weir__call_offload(weir_loop *loop, weir_op *op)
{
    struct weir__call *call = op->u.call;
    int rc;

    if (!loop->holds_pool) {
        weir__offload_hold();
        loop->holds_pool = true;
    }
    call->loop = loop;
    call->op = op;
    call->job.run = run;
    call->job.finish = finish;
    call->post.deliver = deliver;
    call->with_pool = true;
    (void)WEIR_ATOMIC_ADD(&loop->calls, 1, RELAXED);
    rc = weir__offload_submit(WEIR_BLOCKING_FILES, loop->index, &call->job);
    if (rc >= 0)
        return;
    (void)WEIR_ATOMIC_SUB(&loop->calls, 1, RELAXED);
    complete(call, rc);
}

bool weir__call_withdraw(weir_loop *loop, weir_op *op)
{
    struct weir__call *call = op->u.call;

    if (!call->with_pool)
        return false;
    if (weir__offload_withdraw(&call->job)) {
        (void)WEIR_ATOMIC_SUB(&loop->calls, 1, RELAXED);
        complete(call, WEIR_ECANCELED);
    }
    return true;
}

void weir__call_fini(weir_loop *loop)
{
    while (WEIR_ATOMIC_LOAD(&loop->calls, ACQUIRE))
        weir__sys_cpu_relax();
    if (loop->holds_pool)
        weir__offload_release();
}
