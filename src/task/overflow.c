/* task/overflow.c - see overflow.h.
 *
 * The handler is async-signal-safe: it reads the list of regions, asks for the task's name,
 * builds a line on the alternate stack and hands it to the fatal hook. What is not an overflow
 * goes on to the previous handler as if this one did not exist.
 */
#include "task/overflow.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <weir/error.h>

#include "base/atomic.h"
#include "base/line.h"
#include "sys/call.h"
#include "sys/fatal.h"
#include "sys/page.h"
#include "sys/sys.h"
#include "task/stack.h"

enum {
    NAME_BYTES = 64,
    ALTERNATE_BYTES = 64 * 1024
};

const char *(*weir__overflow_describe)(uint64_t *id);

static struct sigaction previous;
static uint32_t installs; /* guarded by `lock` */
static uint32_t lock;     /* 1 while an install or uninstall is under way */

/* ---- the line ---- */

static _Noreturn void report(const char *address, const struct weir__stack_info *info)
{
    struct weir__line line;
    uint64_t id = 0;
    const char *name = weir__overflow_describe ? weir__overflow_describe(&id) : NULL;

    weir__line_init(&line);
    weir__line_add(&line, "weir: stack overflow in task ");
    weir__line_add_cut(&line, name ? name : "unknown", NAME_BYTES);
    weir__line_add(&line, " (id ");
    weir__line_add_number(&line, id);
    weir__line_add(&line, "), stack ");
    weir__line_add_number(&line, (uint64_t)(info->high - info->low) / 1024);
    weir__line_add(&line, " KiB, at depth ");
    weir__line_add_number(&line, (uint64_t)(info->high - address));
    weir__line_add(&line, " B; spawn it with a larger stack_size");
    weir__fatal(line.text);
}

/* ---- the handler ---- */

static void pass_on(int number, siginfo_t *info, void *machine)
{
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(number, info, machine);
    } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(number);
    } else {
        struct sigaction standard = {.sa_handler = SIG_DFL};

        /* The fault happens again after the return; one that was sent is sent again. */
        weir__sys_sigaction_restore(number, &standard);
        if (info->si_code <= 0)
            raise(number);
    }
}

static void handle(int number, siginfo_t *info, void *machine)
{
    struct weir__stack_info found;
    int saved = weir__sys_errno();

    /* si_code is positive when the kernel says so, and si_addr is then the address of the fault. */
    if (info->si_code > 0 && weir__stack_find(info->si_addr, &found) && found.in_guard)
        report(info->si_addr, &found);
    pass_on(number, info, machine);
    weir__sys_errno_restore(saved);
}

static void take_lock(void)
{
    while (WEIR_ATOMIC_EXCHANGE(&lock, 1, ACQUIRE))
        weir__sys_cpu_relax();
}

static void drop_lock(void)
{
    WEIR_ATOMIC_STORE(&lock, 0, RELEASE);
}

int weir__overflow_install(void)
{
    struct sigaction action;
    int rc = 0;

    memset(&action, 0, sizeof action);
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    take_lock();
    if (installs == 0)
        rc = weir__sys_sigaction(SIGSEGV, &action, &previous);
    if (rc == 0)
        installs++;
    drop_lock();
    return rc;
}

void weir__overflow_uninstall(void)
{
    struct sigaction now;

    take_lock();
    /* A handler that was installed over this one may call it: then it stays. */
    if (installs && --installs == 0 && weir__sys_sigaction(SIGSEGV, NULL, &now) == 0
        && (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == handle)
        weir__sys_sigaction_restore(SIGSEGV, &previous);
    drop_lock();
}

/* ---- alternate stacks ---- */

int weir__overflow_stack_init(struct weir__overflow_stack *stack)
{
    size_t guard = weir__page_size(), size = ALTERNATE_BYTES + guard;
    stack_t now, wanted;
    void *base;
    int rc;

    memset(stack, 0, sizeof *stack);
    rc = weir__sys_sigaltstack(NULL, &now);
    if (rc < 0 || !(now.ss_flags & SS_DISABLE))
        return rc;
    rc = weir__page_map(size, &base);
    if (rc < 0)
        return rc;
    memset(&wanted, 0, sizeof wanted);
    wanted.ss_sp = (char *)base + guard;
    wanted.ss_size = ALTERNATE_BYTES;
    rc = weir__page_guard(base, guard);
    if (rc == 0)
        rc = weir__sys_sigaltstack(&wanted, NULL);
    if (rc < 0) {
        weir__page_unmap(base, size);
        return rc;
    }
    stack->base = base;
    stack->size = size;
    return 0;
}

void weir__overflow_stack_fini(struct weir__overflow_stack *stack)
{
    stack_t off = {.ss_flags = SS_DISABLE};

    if (!stack->base)
        return;
    (void)weir__sys_sigaltstack(&off, NULL);
    weir__page_unmap(stack->base, stack->size);
    memset(stack, 0, sizeof *stack);
}
