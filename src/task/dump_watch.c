/* task/dump_watch.c - a dump at a signal; see dump.h and the option dump_signal.
 *
 * The handler counts the signal and unparks the threads that wait for one, of which each runtime
 * with the option has one. `events` is what they park on: it moves with signals and with ends. The
 * handler of a signal is installed for the first runtime that asks, and the one that was there
 * before put back after the last.
 */
#include <signal.h>
#include <string.h>

#include "base/line.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "sys/log.h"
#include "task/dump.h"
#include "task/runtime.h"

#define SIGNALS 65

static uint32_t events;           /* partners: the handler and weir__dump_unwatch */
static uint32_t arrived[SIGNALS]; /* signals so far, by number; likewise */
static uint32_t lock;             /* guards what follows */
static uint32_t installs[SIGNALS];
static struct sigaction previous[SIGNALS];

static void rouse(void)
{
    (void)WEIR_ATOMIC_ADD(&events, 1, SEQ_CST);
    weir__sys_table()->unpark(&events, UINT32_MAX);
}

static void on_signal(int number)
{
    int saved = weir__sys_errno();

    (void)WEIR_ATOMIC_ADD(&arrived[number], 1, SEQ_CST);
    rouse();
    weir__sys_errno_restore(saved);
}

static int install(int number)
{
    struct sigaction action;
    int rc = 0;

    weir__lock(&lock);
    if (installs[number] == 0) {
        memset(&action, 0, sizeof action);
        action.sa_handler = on_signal;
        action.sa_flags = SA_RESTART | SA_ONSTACK;
        sigfillset(&action.sa_mask);
        rc = weir__sys_sigaction(number, &action, &previous[number]);
    }
    installs[number] += rc == 0;
    weir__unlock(&lock);
    return rc;
}

static void uninstall(int number)
{
    struct sigaction now;

    weir__lock(&lock);
    if (--installs[number] == 0 && weir__sys_sigaction(number, NULL, &now) == 0
        && now.sa_handler == on_signal)
        weir__sys_sigaction_restore(number, &previous[number]);
    weir__unlock(&lock);
}

/* Text comes in whole lines, one at a time. */
static void log_line(const char *text, size_t len, void *arg)
{
    struct weir__line line;

    (void)arg;
    weir__line_init(&line);
    weir__line_add_cut(&line, text, len - 1);
    weir__log(WEIR_LOG_WARNING, line.text);
}

static void log_dump(struct weir__runtime *runtime)
{
    const char *name = weir__runtime_name(runtime);
    struct weir__line line;
    int rc;

    weir__line_init(&line);
    weir__line_add(&line, "dump of the tasks of ");
    weir__line_add(&line, name ? name : "a runtime");
    weir__log(WEIR_LOG_WARNING, line.text);
    rc = weir_dump_text(runtime, log_line, NULL);
    if (rc < 0)
        weir__log(WEIR_LOG_WARNING, weir_strerror(rc));
}

static void watch(void *arg)
{
    struct weir__runtime *runtime = arg;
    struct weir__dumper *dumper = weir__runtime_dumper(runtime);
    uint32_t told = dumper->told;

    weir__thread_unblock(dumper->signal);
    for (;;) {
        uint32_t seen = WEIR_ATOMIC_LOAD(&events, SEQ_CST);
        uint32_t now = WEIR_ATOMIC_LOAD(&arrived[dumper->signal], SEQ_CST);

        if (WEIR_ATOMIC_LOAD(&dumper->stopping, SEQ_CST))
            return;
        if (now != told)
            log_dump(runtime);
        else
            (void)weir__sys_table()->park(&events, seen, -1);
        told = now;
    }
}

int weir__dump_watch(struct weir__runtime *runtime, int signal)
{
    struct weir__dumper *dumper = weir__runtime_dumper(runtime);
    int rc;

    dumper->signal = signal;
    dumper->told = WEIR_ATOMIC_LOAD(&arrived[signal], SEQ_CST);
    rc = install(signal);
    if (rc < 0)
        return rc == WEIR_EINVAL ? WEIR_EOPTION : rc;
    rc = weir__sys_table()->thread_start(&dumper->thread, watch, runtime, "weir-dump");
    dumper->running = rc == 0;
    if (rc < 0)
        uninstall(signal);
    return rc;
}

void weir__dump_unwatch(struct weir__runtime *runtime)
{
    struct weir__dumper *dumper = weir__runtime_dumper(runtime);

    if (!dumper->running)
        return;
    dumper->running = false;
    WEIR_ATOMIC_STORE(&dumper->stopping, 1, SEQ_CST);
    rouse();
    weir__sys_table()->thread_join(&dumper->thread);
    uninstall(dumper->signal);
}
