/* os/signal.c - see <weir/signal.h>.
 *
 * A handler notes the signal in a bit set and writes to one event descriptor, which a waiting task
 * polls. The descriptor is made once and stays. One task waits at a time; it takes the bits that it
 * asked for and leaves the others.
 */
#include <weir/signal.h>

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/atomic.h"
#include "core/loop.h"
#include "sys/call.h"
#include "sys/current.h"
#include "task/task.h"
#include "task/worker.h"

static uint64_t arrived; /* a bit a signal; partners: the handler and take */
static uint64_t handled; /* signals that have our handler */
static uint32_t waiting; /* a task waits */
static int event = -1;

static void on_signal(int number)
{
    int saved = weir__sys_errno();
    uint64_t one = 1;

    (void)WEIR_ATOMIC_OR(&arrived, 1ull << number, SEQ_CST);
    (void)weir__sys_write(event, &one, sizeof one);
    weir__sys_errno_restore(saved);
}

static int install(int number)
{
    struct sigaction action;
    int rc;

    if (WEIR_ATOMIC_LOAD(&handled, SEQ_CST) & 1ull << number)
        return 0;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigfillset(&action.sa_mask);
    rc = weir__sys_sigaction(number, &action, NULL);
    if (rc < 0)
        return rc;
    (void)WEIR_ATOMIC_OR(&handled, 1ull << number, SEQ_CST);
    return 0;
}

static int take(uint64_t wanted)
{
    uint64_t got = WEIR_ATOMIC_LOAD(&arrived, SEQ_CST) & wanted;
    int number;

    if (!got)
        return 0;
    number = __builtin_ctzll(got);
    (void)WEIR_ATOMIC_AND(&arrived, ~(1ull << number), SEQ_CST);
    return number;
}

static int wait_for(struct weir__task *task, uint64_t wanted)
{
    weir_loop *loop = task->worker->loop;
    uint64_t count;
    weir_fd fd;
    int rc = 0, number;

    weir_fd_init(&fd, event);
    task->pins++; /* the loop's thread may have an event for `fd`, on this stack, in hand */
    while (!(number = take(wanted)) && rc >= 0) {
        weir_op_poll(&task->op, &fd, POLLIN);
        rc = weir__task_await(task, &task->op);
        if (rc > 0)
            (void)weir__sys_read(event, &count, sizeof count);
    }
    weir_loop_forget(loop, &fd);
    task->pins--;
    return number ? number : rc;
}

int weir_signal_wait(const int *signals, size_t count)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    uint64_t wanted = 0;
    size_t i;
    int rc = 0;

    if (!task)
        return WEIR_ENOTASK;
    for (i = 0; i < count; i++) {
        if (signals[i] < 1 || signals[i] > 63)
            return WEIR_EINVAL;
        wanted |= 1ull << signals[i];
    }
    if (!wanted)
        return WEIR_EINVAL;
    if (WEIR_ATOMIC_EXCHANGE(&waiting, 1, SEQ_CST))
        return WEIR_EBUSY;
    if (event < 0)
        event = rc = weir__sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (i = 0; rc >= 0 && i < count; i++)
        rc = install(signals[i]);
    if (rc >= 0)
        rc = wait_for(task, wanted);
    WEIR_ATOMIC_STORE(&waiting, 0, SEQ_CST);
    return rc;
}
