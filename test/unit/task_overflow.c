/* test/unit/task_overflow.c - what a process says that runs out of a task's stack. */
#include "test.h"

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/fatal.h>

#include "task/context.h"
#include "task/overflow.h"
#include "task/stack.h"

struct overflow {
    struct weir__context home;
    struct weir__context flow;
    struct weir__stack_pool pool;
    struct weir__stack stack;
};

static struct overflow overflow;

static const char *describe(uint64_t *id)
{
    *id = 42;
    return "deep-thought";
}

static __attribute__((noinline)) int descend(int depth)
{
    volatile char frame[300];

    frame[depth % 300] = (char)depth;
    return depth < 1000000 ? descend(depth + 1) + frame[depth % 300] : 0;
}

static void dive(void *arg)
{
    struct overflow *o = arg;

    descend(0);
    weir__context_switch_final(&o->flow, &o->home);
}

static void touch_nowhere(void *arg)
{
    struct overflow *o = arg;
    volatile char *volatile nowhere = (char *)8;

    *nowhere = 1;
    weir__context_switch_final(&o->flow, &o->home);
}

static int run_on_task_stack(void (*entry)(void *), size_t stack_size)
{
    struct overflow *o = &overflow;
    struct weir__overflow_stack alternate;

    weir__overflow_describe = describe;
    if (weir__overflow_stack_init(&alternate) < 0 || weir__overflow_install() < 0
        || weir__stack_pool_init(&o->pool, 0) < 0
        || weir__stack_take(&o->pool, stack_size, &o->stack) < 0)
        return 1;
    weir__context_init_thread(&o->home);
    weir__context_make(&o->flow, o->stack.low, (size_t)(o->stack.high - o->stack.low), entry, o);
    weir__context_switch(&o->home, &o->flow);
    return 0;
}

/* Runs `entry` in a child; *text is what it wrote to stderr. The signal that ended it, or 0. */
static int end_of_child(void (*entry)(void *), size_t stack_size, void (*prepare)(void), char *text,
                        size_t room)
{
    int fds[2], status;
    size_t len = 0;
    ssize_t n;
    pid_t child;

    assert_int_equal(pipe(fds), 0);
    child = fork();
    if (child == 0) {
        dup2(fds[1], STDERR_FILENO);
        signal(SIGSEGV, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        if (prepare)
            prepare();
        _exit(run_on_task_stack(entry, stack_size));
    }
    close(fds[1]);
    while ((n = read(fds[0], text + len, room - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = 0;
    close(fds[0]);
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

TEST(overflow_names_the_task_and_aborts)
{
    char text[4096];

    assert_int_equal(end_of_child(dive, 0, NULL, text, sizeof text), SIGABRT);
    assert_non_null(strstr(text, "weir: stack overflow in task deep-thought (id 42), stack 48 KiB, "
                                 "at depth "));
    assert_non_null(strstr(text, "; spawn it with a larger stack_size\n"));
}

TEST(overflow_of_a_large_stack_is_told_too)
{
    char text[4096];

    assert_int_equal(end_of_child(dive, 1024 * 1024, NULL, text, sizeof text), SIGABRT);
    assert_non_null(strstr(text, "stack 1028 KiB"));
}

TEST(another_fault_ends_as_it_would_without_weir)
{
    char text[4096];

    assert_int_equal(end_of_child(touch_nowhere, 0, NULL, text, sizeof text), SIGSEGV);
    assert_null(strstr(text, "weir:"));
}

static void previous_handler(int number)
{
    static const char line[] = "previous handler\n";

    (void)number;
    if (write(STDERR_FILENO, line, sizeof line - 1) > 0)
        _exit(7);
}

static void set_previous(void)
{
    struct sigaction action = {.sa_handler = previous_handler, .sa_flags = SA_ONSTACK};

    sigaction(SIGSEGV, &action, NULL);
}

TEST(another_fault_goes_to_the_previous_handler)
{
    char text[4096];

    assert_int_equal(end_of_child(touch_nowhere, 0, set_previous, text, sizeof text), 0);
    assert_non_null(strstr(text, "previous handler"));
    assert_int_equal(end_of_child(dive, 0, set_previous, text, sizeof text), SIGABRT);
}

static void hook(const char *line)
{
    if (write(STDERR_FILENO, "hook: ", 6) == 6 && write(STDERR_FILENO, line, strlen(line)) > 0)
        return;
}

static void set_hook(void)
{
    weir_set_fatal(hook);
}

TEST(fatal_hook_gets_the_line)
{
    char text[4096];

    assert_int_equal(end_of_child(dive, 0, set_hook, text, sizeof text), SIGABRT);
    assert_ptr_equal(strstr(text, "hook: weir: stack overflow"), text);
}

TEST(uninstall_puts_the_previous_handler_back)
{
    struct sigaction before, now;

    sigaction(SIGSEGV, NULL, &before);
    assert_int_equal(weir__overflow_install(), 0);
    assert_int_equal(weir__overflow_install(), 0);
    sigaction(SIGSEGV, NULL, &now);
    assert_true(now.sa_flags & SA_ONSTACK);
    weir__overflow_uninstall();
    sigaction(SIGSEGV, NULL, &now);
    assert_true(now.sa_sigaction != before.sa_sigaction);
    weir__overflow_uninstall();
    sigaction(SIGSEGV, NULL, &now);
    assert_true(now.sa_sigaction == before.sa_sigaction);
}

TEST(thread_keeps_an_alternate_stack_of_its_own)
{
    struct weir__overflow_stack first, second;
    stack_t before, now;

    sigaltstack(NULL, &before);
    assert_int_equal(weir__overflow_stack_init(&first), 0);
    assert_int_equal(weir__overflow_stack_init(&second), 0);
    assert_null(second.base);
    weir__overflow_stack_fini(&second);
    weir__overflow_stack_fini(&first);
    sigaltstack(NULL, &now);
    assert_int_equal(now.ss_flags, before.ss_flags);
}
