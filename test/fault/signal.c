/* test/fault/signal.c - signals and their listeners while the n-th allocation or system call fails,
 * in the handler too: what has come is told in any case. */
#include "test.h"

#include <signal.h>
#include <unistd.h>
#include <weir.h>

#include "support/faults.h"

static const int number = SIGUSR1;

static int listen_to(weir_signals listener)
{
    struct weir_signal_info info = {0};
    int rc;

    if (kill(getpid(), number) != 0)
        return 1;
    rc = weir_signals_next(listener, &info);
    if (rc > 0)
        rc = rc == number && info.signal == number && info.count >= 1 ? 0 : 1;
    return rc;
}

static int use_signals(void *arg)
{
    weir_signals listener = {7};
    int rc = weir_signals_open(&listener, &number, 1);

    (void)arg;
    if (rc < 0)
        return listener.id == 7 ? rc : 1;
    rc = listen_to(listener);
    weir_signals_close(listener);
    if (rc == 0) /* nobody has waited for it: it is kept */
        rc = weir_signal_wait(&number, 1);
    return rc == number ? 0 : rc == 0 ? 1 : rc;
}

static int run(void)
{
    return weir_run(use_signals, NULL, &(struct weir_runtime_options){.workers = 1, .spin_ns = -1});
}

/* The thread and the pipe of the process's signals stay: before tests count descriptors. */
static void __attribute__((constructor)) make_descriptors(void)
{
    (void)run();
}

TEST(every_allocation_of_a_signal_may_fail)
{
    fail_each(run, WEIR__FAULT_ALLOC);
}

TEST(every_system_call_of_a_signal_may_fail)
{
    fail_each(run, WEIR__FAULT_CALL);
}
