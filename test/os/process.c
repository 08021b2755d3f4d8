/* test/os/process.c - starting programs, their ends, signals, and running commands. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <weir.h>

#include "support/run.h"

none_on_sim("there are no processes") none_emulated("a child does not share its parent's memory")

    static void __attribute__((constructor)) choose_environment(void)
{
    setenv("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", 1);
}

#define SHELL(text) ((const char *const[]){"sh", "-c", (text), NULL})

static int start_shell(weir_process *out, const char *text)
{
    struct weir_process_options options = {.arguments = SHELL(text), .process = out};

    return weir_process_start(&options);
}

/* No child of this process is left, dead or alive: it may take a moment. */
static void await_no_children(void)
{
    siginfo_t info;

    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        sched_yield();
}

static int run_text(const char *text, struct weir_exit *end)
{
    weir_process process;
    int rc = start_shell(&process, text);

    if (rc == 0)
        rc = weir_process_wait(process, end);
    weir_process_close(process);
    return rc;
}

static int know_ends(void *arg)
{
    struct weir_exit end;

    (void)arg;
    CHECK(run_text("exit 0", &end) == 0);
    CHECK(end.known && end.code == 0 && end.signal == 0 && !end.core);
    CHECK(run_text("exit 7", &end) == 0);
    CHECK(end.code == 7 && end.signal == 0);
    CHECK(run_text("kill -TERM $$", &end) == 0);
    CHECK(end.code == -1 && end.signal == SIGTERM);
    CHECK(run_text("kill -KILL $$", &end) == 0);
    CHECK(end.code == -1 && end.signal == SIGKILL);
    CHECK(end.memory_max > 100000);
    return 0;
}

/* A caller of a later version, whose struct has more. */
static int know_more(void *arg)
{
    struct {
        struct weir_exit end;
        unsigned char more[16];
    } later;
    weir_process process;
    size_t i;

    (void)arg;
    memset(&later, 0xff, sizeof later);
    CHECK(start_shell(&process, "exit 7") == 0);
    CHECK(weir_process_wait_n(process, &later.end, sizeof later) == 0 && later.end.code == 7);
    for (i = 0; i < sizeof later.more; i++)
        CHECK(later.more[i] == 0);
    memset(&later, 0xff, sizeof later);
    CHECK(weir_process_stop_n(process, SIGTERM, 0, &later.end, sizeof later) == 0);
    for (i = 0; i < sizeof later.more; i++)
        CHECK(later.more[i] == 0);
    weir_process_close(process);
    return 0;
}

TEST(what_is_not_known_of_an_end_is_zero)
{
    assert_int_equal(run_with(know_more, NULL, 1), 0);
    await_no_children();
}

TEST(the_end_of_a_process_is_told_exactly)
{
    assert_int_equal(run_with(know_ends, NULL, 1), 0);
    assert_int_equal(run_with(know_ends, NULL, 2), 0);
    await_no_children();
}

/* ---- what a command gives ---- */

static struct weir_command_result told;
static int told_rc;

static int run_command(const struct weir_process_options *process,
                       const struct weir_command_options *options)
{
    struct weir_command_options none = {0};

    weir_command_free(&told);
    told_rc = weir_command(process, options ? options : &none, &told);
    return told_rc;
}

static bool says(const char *text)
{
    return told.output && strcmp((const char *)told.output, text) == 0;
}

static int shell_says(const char *script, const char *text)
{
    struct weir_process_options process = {.arguments = SHELL(script)};

    return run_command(&process, NULL) == 0 && says(text);
}

static int capture(void *arg)
{
    struct weir_process_options cat = {.arguments = (const char *const[]){"cat", NULL}};
    struct weir_process_options loud = {.arguments = SHELL("yes | head -c 300000")};
    struct weir_process_options endless = {.arguments = SHELL("yes; echo no")};
    struct weir_process_options both = {.arguments = SHELL("echo out; echo err >&2; exit 3")};
    char *much = malloc(300000);

    (void)arg;
    memset(much, 'm', 300000);
    CHECK(run_command(&cat, &(struct weir_command_options){.input = much, .input_len = 300000})
          == 0);
    CHECK(told.output_len == 300000 && memcmp(told.output, much, 300000) == 0 && !told.cut);
    free(much);
    CHECK(run_command(&both, NULL) == 0);
    CHECK(says("out\n") && told.error && strcmp((char *)told.error, "err\n") == 0);
    CHECK(told.exit.code == 3);
    CHECK(run_command(&both, &(struct weir_command_options){.joined = WEIR_ON}) == 0);
    CHECK(says("out\nerr\n") && told.error_len == 0);
    CHECK(run_command(&loud, &(struct weir_command_options){.output_max = 1000}) == 0);
    CHECK(told.output_len == 1000 && told.cut && told.exit.code == 0);
    CHECK(run_command(&endless,
                      &(struct weir_command_options){.output_max = 1000, .stop_at_limit = WEIR_ON})
          == WEIR_ELIMIT);
    CHECK(told.output_len == 1000 && told.exit.signal == SIGKILL);
    weir_command_free(&told);
    return 0;
}

TEST(a_command_is_fed_and_its_output_kept)
{
    assert_int_equal(run_with(capture, NULL, 1), 0);
    assert_int_equal(run_with(capture, NULL, 2), 0);
    await_no_children();
}

static int be_late(void *arg)
{
    struct weir_process_options process = {.arguments = SHELL("echo begun; sleep 60 & wait")};
    weir_block block;

    (void)arg;
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(300)) == 0);
    CHECK(run_command(&process, NULL) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(told.exit.signal == SIGTERM);
    weir_command_free(&told);
    return 0;
}

TEST(a_deadline_ends_a_command_with_its_group)
{
    assert_int_equal(run_with(be_late, NULL, 1), 0);
    await_no_children();
}

/* A grandchild keeps the pipes open. */
static int leave_grandchild(void *arg)
{
    struct weir_process_options process = {.arguments = SHELL("echo $$; sleep 60 &")};
    struct weir_command_options options = {.drain_ns = WEIR_MILLISECONDS(50)};

    (void)arg;
    CHECK(run_command(&process, &options) == 0);
    CHECK(told.exit.code == 0 && told.output_len > 1);
    CHECK(kill(-atoi((char *)told.output), SIGKILL) == 0);
    weir_command_free(&told);
    return 0;
}

TEST(a_command_does_not_wait_for_its_grandchildren)
{
    assert_int_equal(run_with(leave_grandchild, NULL, 1), 0);
    await_no_children();
}

/* ---- what a child gets ---- */

static int dress(void *arg)
{
    struct weir_process_options pwd = {.arguments = (const char *const[]){"pwd", NULL},
                                       .directory = "/usr/lib"};
    struct weir_process_options env = {.arguments = (const char *const[]){"env", NULL},
                                       .environment = (const char *const[]){"A=1", "B=2", NULL}};
    struct weir_process_options mask = {
        .arguments = SHELL("umask; ulimit -n; ulimit -S -c"), .umask = 027, .sets_umask = WEIR_ON};
    struct weir_process_limit limits[] = {{RLIMIT_NOFILE, 33, 44}, {RLIMIT_CORE, 0, 0}};
    struct weir_process_options name = {
        .arguments = (const char *const[]){"me", "-c", "echo $0", NULL}, .program = "/bin/sh"};

    (void)arg;
    CHECK(run_command(&pwd, NULL) == 0 && says("/usr/lib\n"));
    CHECK(run_command(&env, NULL) == 0 && says("A=1\nB=2\n"));
    mask.limits = limits;
    mask.limits_count = 2;
    CHECK(run_command(&mask, NULL) == 0 && says("0027\n33\n0\n"));
    CHECK(run_command(&name, NULL) == 0 && says("me\n"));
    CHECK(shell_says("test $$ = $(ps -o pgid= -p $$ | tr -d ' ') && echo leads", "leads\n"));
    return 0;
}

TEST(a_child_has_what_the_options_say)
{
    assert_int_equal(run_with(dress, NULL, 1), 0);
    weir_command_free(&told);
    await_no_children();
}

static int be_another(void *arg)
{
    const uint32_t groups[] = {7, 8};
    struct weir_process_options who = {.arguments = SHELL("id -u; id -g; id -G"),
                                       .sets_user = WEIR_ON,
                                       .sets_group = WEIR_ON,
                                       .sets_groups = WEIR_ON,
                                       .user = 65534,
                                       .group = 65533,
                                       .groups = groups,
                                       .groups_count = 2};

    (void)arg;
    CHECK(run_command(&who, NULL) == 0 && says("65534\n65533\n65533 7 8\n"));
    weir_command_free(&told);
    CHECK(getuid() == 0);           /* all threads of the parent are who they were */
    who.sets_groups = WEIR_DEFAULT; /* those of the superuser do not stay */
    CHECK(run_command(&who, NULL) == 0 && says("65534\n65533\n65533\n"));
    who.sets_groups = WEIR_OFF;
    CHECK(run_command(&who, NULL) == 0 && says("65534\n65533\n65533 4242\n"));
    weir_command_free(&told);
    return 0;
}

TEST(a_child_can_be_another_user)
{
    const gid_t more = 4242;
    gid_t before[64];
    int count = getgroups(64, before);

    if (getuid() != 0 || count < 0)
        skip("not root");
    assert_int_equal(setgroups(1, &more), 0);
    assert_int_equal(run_with(be_another, NULL, 2), 0);
    assert_int_equal(setgroups((size_t)count, before), 0);
    await_no_children();
}

static int count_descriptors(void *arg)
{
    int extra = dup(1); /* not close-on-exec */

    (void)arg;
    CHECK(shell_says("ls /proc/self/fd | wc -l", "4\n")); /* and that of the folder */
    close(extra);
    return 0;
}

TEST(no_other_descriptor_goes_to_a_child)
{
    assert_int_equal(run_with(count_descriptors, NULL, 1), 0);
    weir_command_free(&told);
    await_no_children();
}

static int give_extra(void *arg)
{
    weir_process process;
    weir_stream to_child, from_child;
    struct weir_stdio extra[] = {
        {.kind = WEIR_STDIO_PIPE, .pipe = &to_child, .input = WEIR_ON},
        {.kind = WEIR_STDIO_PIPE, .pipe = &from_child},
    };
    struct weir_process_options options = {
        .arguments = SHELL("cat <&3 >&4"), .extra = extra, .extra_count = 2, .process = &process};
    struct weir_exit end;
    char bytes[5];

    (void)arg;
    CHECK(weir_process_start(&options) == 0);
    CHECK(weir_write_all(to_child, "extra", 5) == 0);
    CHECK(weir_read_exactly(from_child, bytes, 5) == 0 && memcmp(bytes, "extra", 5) == 0);
    weir_close(to_child);
    CHECK(weir_read(from_child, bytes, 1) == 0);
    CHECK(weir_process_wait(process, &end) == 0 && end.code == 0);
    weir_close(from_child);
    weir_process_close(process);
    return 0;
}

/* Everything in this process is close-on-exec; who names a descriptor gives it all the same. */
static int inherit_one(void *arg)
{
    enum {
        NUMBER = 60,
        COUNT = NUMBER - 2
    };
    struct weir_stdio extra[COUNT] = {0};
    weir_process process;
    struct weir_process_options options = {.arguments = SHELL("test -e /proc/self/fd/60"),
                                           .extra = extra,
                                           .extra_count = COUNT,
                                           .process = &process};
    struct weir_exit end;
    int i;

    (void)arg;
    for (i = 0; i < COUNT - 1; i++)
        extra[i].kind = WEIR_STDIO_NULL;
    CHECK(dup3(1, NUMBER, O_CLOEXEC) == NUMBER);
    CHECK(weir_process_start(&options) == 0);
    CHECK(weir_process_wait(process, &end) == 0 && end.code == 0);
    weir_process_close(process);
    CHECK(fcntl(NUMBER, F_GETFD) == FD_CLOEXEC);
    CHECK(close(NUMBER) == 0);
    CHECK(weir_process_start(&options) == 0); /* there is none: the child has none, too */
    CHECK(weir_process_wait(process, &end) == 0 && end.code == 1);
    weir_process_close(process);
    return 0;
}

TEST(a_descriptor_that_is_named_is_inherited)
{
    assert_int_equal(run_with(inherit_one, NULL, 1), 0);
    await_no_children();
}

TEST(a_child_gets_descriptors_beyond_the_three)
{
    assert_int_equal(run_with(give_extra, NULL, 1), 0);
    await_no_children();
}

static int use_files(void *arg)
{
    char path[] = "/tmp/weir-process-XXXXXX";
    int fd = mkstemp(path);
    weir_process process;
    struct weir_process_options options = {
        .arguments = SHELL("echo one"),
        .output = {.kind = WEIR_STDIO_FILE, .path = path},
        .process = &process,
    };
    char bytes[16] = {0};
    int i;

    (void)arg;
    for (i = 0; i < 2; i++) {
        CHECK(weir_process_start(&options) == 0);
        CHECK(weir_process_wait(process, NULL) == 0);
        weir_process_close(process);
        options.output.append = WEIR_ON;
    }
    CHECK(read(fd, bytes, sizeof bytes - 1) == 8 && strcmp(bytes, "one\none\n") == 0);
    options.arguments = SHELL("tr a-z A-Z >&3");
    options.input = (struct weir_stdio){.kind = WEIR_STDIO_FILE, .path = path};
    options.extra = &(struct weir_stdio){.kind = WEIR_STDIO_DESCRIPTOR, .descriptor = fd};
    options.extra_count = 1;
    options.output = (struct weir_stdio){.kind = WEIR_STDIO_NULL};
    CHECK(weir_process_start(&options) == 0);
    CHECK(weir_process_wait(process, NULL) == 0);
    weir_process_close(process);
    CHECK(pread(fd, bytes, 8, 8) == 8 && memcmp(bytes, "ONE\nONE\n", 8) == 0);
    close(fd);
    unlink(path);
    return 0;
}

TEST(files_and_descriptors_become_the_streams_of_a_child)
{
    assert_int_equal(run_with(use_files, NULL, 1), 0);
    await_no_children();
}

/* A signal that the parent has blocked, ignored or caught is the child's as if it had not. */
static int plain_signals(void *arg)
{
    (void)arg;
    CHECK(shell_says("cat /proc/self/status | grep -E 'SigBlk|SigIgn|SigCgt' | sort | cut -f 2",
                     "0000000000000000\n0000000000000000\n0000000000000000\n"));
    return 0;
}

TEST(a_child_begins_with_plain_signals)
{
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(run_with(plain_signals, NULL, 2), 0);
    signal(SIGPIPE, SIG_DFL);
    weir_command_free(&told);
    await_no_children();
}

static int masked_signals(void *arg)
{
    (void)arg;
    CHECK(shell_says("grep SigBlk /proc/self/status | cut -f 2", "0000000000000200\n"));
    return 0;
}

TEST(a_child_has_the_mask_of_who_made_the_runtime)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    assert_int_equal(run_with(masked_signals, NULL, 2), 0);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    weir_command_free(&told);
    await_no_children();
}

/* ---- failures ---- */

static int fail_to_start(const char *program, const char *directory, uint8_t *step)
{
    weir_process process = {7};
    weir_stream stream = {7};
    struct weir_process_options options = {
        .arguments = (const char *const[]){program, NULL},
        .directory = directory,
        .output = {.kind = WEIR_STDIO_PIPE, .pipe = &stream},
        .process = &process,
        .failed_step = step,
    };
    int rc = weir_process_start(&options);

    CHECK(process.id == 7 && stream.id == 7);
    return rc;
}

static int fail_all(void *arg)
{
    uint8_t step = 99;
    weir_process process = {7};
    struct weir_process_options options = {.process = &process};
    struct weir_stdio bad = {.kind = 99};
    struct weir_process_limit limit = {9999, 0, 0};

    (void)arg;
    CHECK(fail_to_start("weir-none", NULL, &step) == WEIR_ENOENT && step == WEIR_STEP_EXEC);
    CHECK(fail_to_start("/etc/passwd", NULL, &step) == WEIR_EACCES && step == WEIR_STEP_EXEC);
    CHECK(fail_to_start("/etc/passwd/x", NULL, &step) == WEIR_ENOTDIR && step == WEIR_STEP_EXEC);
    CHECK(fail_to_start("sh", "/none", &step) == WEIR_ENOENT && step == WEIR_STEP_DIRECTORY);
    CHECK(fail_to_start("", NULL, &step) == WEIR_ENOENT && step == WEIR_STEP_PREPARE);
    CHECK(weir_process_start(&options) == WEIR_EOPTION);
    options.arguments = SHELL("exit 0");
    options.failed_step = &step;
    options.extra = &bad;
    options.extra_count = 1;
    CHECK(weir_process_start(&options) == WEIR_EOPTION);
    options.extra_count = WEIR_PROCESS_EXTRA_MAX + 1;
    CHECK(weir_process_start(&options) == WEIR_EOPTION);
    options.extra_count = 0;
    options.new_group = WEIR_ON | WEIR_OFF;
    CHECK(weir_process_start(&options) == WEIR_EOPTION);
    options.new_group = WEIR_DEFAULT;
    options.extra_count = 1;
    bad = (struct weir_stdio){.kind = WEIR_STDIO_DESCRIPTOR, .descriptor = 1000000};
    options.extra_count = 1;
    CHECK(weir_process_start(&options) == WEIR_EBADF && step == WEIR_STEP_DESCRIPTORS);
    options.extra_count = 0;
    options.limits = &limit;
    options.limits_count = 1;
    CHECK(weir_process_start(&options) == WEIR_EINVAL && step == WEIR_STEP_LIMITS);
    options.limits_count = 0;
    options.cgroup = "/none";
    CHECK(weir_process_start(&options) == WEIR_ENOENT && step == WEIR_STEP_PREPARE);
    CHECK(process.id == 7);
    CHECK(weir_process_wait(process, NULL) == WEIR_EBADHANDLE);
    CHECK(weir_process_kill(process, SIGTERM) == WEIR_EBADHANDLE);
    CHECK(weir_process_pid(process) == WEIR_EBADHANDLE);
    CHECK(weir_process_close(process) == 0);
    CHECK(weir_process_adopt(&process, 0) == WEIR_EINVAL);
    CHECK(weir_process_adopt(&process, 4194304) == WEIR_ESRCH);
    return 0;
}

TEST(a_start_that_fails_says_where_and_leaves_nothing)
{
    struct weir_process_options options = {0};

    assert_int_equal(weir_process_start(&options), WEIR_ENOTASK);
    assert_int_equal(run_with(fail_all, NULL, 1), 0);
    assert_int_equal(run_with(fail_all, NULL, 2), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* ---- waiting and signals ---- */

static int wait_too(void *arg)
{
    struct weir_exit end;

    CHECK(weir_process_wait(*(weir_process *)arg, &end) == 0);
    CHECK(end.signal == SIGTERM);
    return 0;
}

static int wait_by_many(void *arg)
{
    weir_process process;
    weir_scope scope;
    weir_block block;
    int i;

    (void)arg;
    CHECK(start_shell(&process, "exec sleep 60") == 0);
    CHECK(weir_process_pid(process) > 1);
    CHECK(weir_process_kill(process, 0) == 0);
    CHECK(weir_process_kill_tree(process, SIGTERM) == WEIR_ENOTSUP);
    CHECK(weir_deadline_begin(&block, WEIR_MILLISECONDS(1)) == 0);
    CHECK(weir_process_wait(process, NULL) == WEIR_EDEADLINE);
    CHECK(weir_block_end(&block));
    CHECK(weir_scope_open(&scope) == 0);
    for (i = 0; i < 40; i++)
        CHECK(weir_spawn(&scope, wait_too, &process) == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_process_kill(process, SIGTERM) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(weir_process_kill(process, SIGTERM) == WEIR_ESRCH);
    wait_too(&process);
    weir_process_close(process);
    weir_process_close(process);
    return 0;
}

TEST(any_number_waits_for_an_end)
{
    assert_int_equal(run_with(wait_by_many, NULL, 1), 0);
    assert_int_equal(run_with(wait_by_many, NULL, 2), 0);
    await_no_children();
}

static int select_end(void *arg)
{
    weir_process quick, slow;
    struct weir_exit end = {0};
    weir_case cases[3];

    (void)arg;
    CHECK(start_shell(&slow, "exec sleep 60") == 0);
    CHECK(start_shell(&quick, "exit 4") == 0);
    weir_case_process(&cases[0], slow, &end);
    weir_case_process(&cases[1], quick, &end);
    weir_case_after(&cases[2], WEIR_SECONDS(20));
    CHECK(weir_select(cases, 3) == 1 && cases[1].result == 0 && end.code == 4);
    CHECK(weir_select(cases, 3) == 1 && cases[1].result == 0); /* it stays so */
    weir_process_close(quick);
    CHECK(weir_select(cases, 3) == 1 && cases[1].result == WEIR_EBADHANDLE);
    weir_case_after(&cases[1], WEIR_MILLISECONDS(1));
    CHECK(weir_select(cases, 2) == 1);
    CHECK(weir_process_kill(slow, SIGKILL) == 0);
    CHECK(weir_select(cases, 1) == 0 && end.signal == SIGKILL);
    weir_process_close(slow);
    return 0;
}

TEST(an_end_is_a_case_of_a_select)
{
    assert_int_equal(run_with(select_end, NULL, 1), 0);
    assert_int_equal(run_with(select_end, NULL, 2), 0);
    await_no_children();
}

/* The close may come before the wait, on another worker. */
static int wait_for_close(void *arg)
{
    int rc = weir_process_wait(*(weir_process *)arg, NULL);

    CHECK(rc == WEIR_ECLOSED || rc == WEIR_EBADHANDLE);
    return 0;
}

static int close_early(void *arg)
{
    weir_process process;
    weir_scope scope;
    struct weir_process_options options = {
        .arguments = SHELL("exec sleep 60"), .kill_on_close = WEIR_ON, .process = &process};

    (void)arg;
    CHECK(weir_process_start(&options) == 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, wait_for_close, &process) == 0);
    CHECK(weir_yield() == 0);
    CHECK(weir_yield() == 0);
    weir_process_close(process);
    CHECK(weir_scope_join(&scope) == 0);
    /* the watch takes the end of those that nobody has a handle of */
    CHECK(start_shell(&process, "exit 0") == 0);
    weir_process_close(process);
    await_no_children();
    return 0;
}

static int close_in_a_task(void *arg)
{
    weir_process process;

    (void)arg;
    CHECK(start_shell(&process, "exit 0") == 0);
    weir_process_close(process);
    CHECK(weir_sleep(1) == 0);
    return 0;
}

TEST(a_closed_handle_leaves_no_zombie)
{
    assert_int_equal(run_with(close_early, NULL, 2), 0);
    assert_int_equal(run_with(close_in_a_task, NULL, 1), 0);
    await_no_children();
}

static int survivor;

static int outlive(void *arg)
{
    weir_process process;

    CHECK(start_shell(&process, "exec sleep 60") == 0);
    survivor = weir_process_pid(process);
    if (*(bool *)arg)
        weir_process_close(process);
    return 0;
}

static int descriptors(void)
{
    int i, count = 0;

    for (i = 0; i < 256; i++)
        count += fcntl(i, F_GETFD) >= 0;
    return count;
}

TEST(a_child_that_outlives_its_runtime_leaves_no_zombie)
{
    bool closes[] = {true, false};
    int i, before = descriptors();

    for (i = 0; i < 2; i++) {
        assert_int_equal(run_with(outlive, &closes[i], 2), 0);
        assert_int_equal(kill(survivor, 0), 0);
        assert_int_equal(kill(survivor, SIGKILL), 0);
        await_no_children();
        SPIN_UNTIL(descriptors() == before);
    }
}

static int adopt(void *arg)
{
    weir_process process;
    struct weir_exit end;
    int pid = fork();

    (void)arg;
    if (pid == 0)
        _exit(9);
    CHECK(weir_process_adopt(&process, pid) == 0);
    CHECK(weir_process_pid(process) == pid);
    CHECK(weir_process_wait(process, &end) == 0 && end.known && end.code == 9);
    weir_process_close(process);
    return 0;
}

static int adopt_foreign(void *arg)
{
    struct weir_process_options print = {.arguments = SHELL("sleep 60 >/dev/null 2>&1 & echo $!")};
    weir_process process;
    struct weir_exit end = {.known = 7};
    int pid;

    (void)arg;
    CHECK(run_command(&print, NULL) == 0);
    pid = atoi((char *)told.output);
    CHECK(weir_process_adopt(&process, pid) == 0);
    CHECK(weir_process_kill(process, SIGKILL) == 0);
    CHECK(weir_process_wait(process, &end) == 0 && end.known == 0);
    weir_process_close(process);
    weir_command_free(&told);
    return 0;
}

TEST(a_process_that_another_has_started_is_adopted)
{
    assert_int_equal(run_with(adopt, NULL, 1), 0);
    assert_int_equal(run_with(adopt_foreign, NULL, 1), 0);
    await_no_children();
}

/* ---- ending ---- */

static int stop_stubborn(void *arg)
{
    weir_process process;
    weir_stream output;
    struct weir_process_options options = {
        .arguments = SHELL("trap '' TERM; echo ready; while :; do sleep 60; done"),
        .output = {.kind = WEIR_STDIO_PIPE, .pipe = &output},
        .new_group = WEIR_ON,
        .process = &process,
    };
    struct weir_exit end;
    char bytes[6];

    (void)arg;
    CHECK(weir_process_start(&options) == 0);
    CHECK(weir_read_exactly(output, bytes, 6) == 0);
    CHECK(weir_process_stop(process, SIGTERM, WEIR_MILLISECONDS(20), &end) == 0);
    CHECK(end.signal == SIGKILL);
    CHECK(weir_read(output, bytes, 1) == 0); /* its children are gone, too */
    weir_close(output);
    weir_process_close(process);
    CHECK(weir_process_stop(process, SIGTERM, 0, &end) == WEIR_EBADHANDLE);
    CHECK(weir_process_stop(process, 0, 0, &end) == WEIR_EINVAL);
    return 0;
}

TEST(a_stubborn_process_is_killed_with_its_tree)
{
    assert_int_equal(run_with(stop_stubborn, NULL, 1), 0);
    await_no_children();
}

/* The grandchild has the pipe: its end shows when that is gone. */
static int sweep(void *arg)
{
    weir_process process;
    weir_stream output;
    struct weir_process_options options = {
        .arguments = SHELL("sleep 60 & exit 0"),
        .output = {.kind = WEIR_STDIO_PIPE, .pipe = &output},
        .new_group = WEIR_ON,
        .sweep = WEIR_ON,
        .process = &process,
    };
    struct weir_exit end;
    char byte;

    (void)arg;
    CHECK(weir_process_start(&options) == 0);
    CHECK(weir_process_wait(process, &end) == 0 && end.code == 0);
    CHECK(weir_read(output, &byte, 1) == 0);
    weir_close(output);
    weir_process_close(process);
    return 0;
}

TEST(the_rest_of_a_group_is_swept_if_asked_for)
{
    assert_int_equal(run_with(sweep, NULL, 1), 0);
    await_no_children();
}

static int guard(void *arg)
{
    weir_scope scope;
    weir_process process;
    struct weir_exit end;
    struct weir_process_options options = {
        .arguments = SHELL("exec sleep 60"), .scope = &scope, .process = &process};

    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_process_start(&options) == 0);
    if (*(bool *)arg)
        weir_process_close(process);
    CHECK(weir_yield() == 0);
    weir_scope_cancel(&scope);
    CHECK(weir_scope_join(&scope) == 0);
    if (!*(bool *)arg) {
        CHECK(weir_process_wait(process, &end) == 0);
        CHECK(end.signal == SIGTERM);
    }
    weir_process_close(process);
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    return 0;
}

TEST(a_scope_ends_the_processes_that_are_in_it)
{
    bool closes[] = {true, false};

    assert_int_equal(run_with(guard, &closes[0], 1), 0);
    assert_int_equal(run_with(guard, &closes[1], 1), 0);
    assert_int_equal(run_with(guard, &closes[1], 2), 0);
}

static int cancel_at_once(void *arg)
{
    weir_scope_cancel(arg);
    return 0;
}

/* The first look is that of the guard, while a thread of the pool makes the child. */
static int guard_a_start(void *arg)
{
    weir_scope scope;
    struct weir_process_options options = {
        .arguments = SHELL("exec sleep 60"), .scope = &scope, .grace_ns = WEIR_FOREVER};
    int rc;

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, cancel_at_once, &scope) == 0);
    rc = weir_process_start(&options);
    CHECK(rc == 0 || rc == WEIR_ECANCELED);
    CHECK(weir_scope_join(&scope) == 0);
    return 0;
}

TEST(a_scope_that_is_cancelled_during_a_start_ends_the_process)
{
    assert_int_equal(run_with(guard_a_start, NULL, 1), 0);
    assert_int_equal(run_with(guard_a_start, NULL, 2), 0);
    await_no_children();
}

static int start_unnamed(void *arg)
{
    weir_scope scope;
    weir_stream output;
    struct weir_process_options options = {
        .arguments = SHELL("echo hello"),
        .output = {.kind = WEIR_STDIO_PIPE, .pipe = &output},
        .scope = &scope,
        .kill_on_close = WEIR_ON,
    };
    char bytes[5];

    (void)arg;
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_process_start(&options) == 0);
    CHECK(weir_read_exactly(output, bytes, 5) == 0 && memcmp(bytes, "hello", 5) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    weir_close(output);
    return 0;
}

TEST(a_process_without_a_handle_has_none_that_is_closed)
{
    assert_int_equal(run_with(start_unnamed, NULL, 1), 0);
    await_no_children();
}

static int carry_streams(void *arg)
{
    weir_scope scope;
    weir_stream in[2], out[2];
    struct weir_process_options options = {
        .arguments = SHELL("tr a-z A-Z"),
        .scope = &scope,
    };
    char bytes[5];

    (void)arg;
    CHECK(weir_stream_pair(in) == 0 && weir_stream_pair(out) == 0);
    options.input = (struct weir_stdio){.kind = WEIR_STDIO_STREAM, .stream = in[0]};
    options.output = (struct weir_stdio){.kind = WEIR_STDIO_STREAM, .stream = out[0]};
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_process_start(&options) == 0);
    CHECK(weir_write_all(in[1], "hello", 5) == 0);
    weir_close(in[1]);
    CHECK(weir_read_exactly(out[1], bytes, 5) == 0 && memcmp(bytes, "HELLO", 5) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    weir_close(in[0]);
    weir_close(out[0]);
    weir_close(out[1]);
    return 0;
}

TEST(any_stream_is_carried_to_and_from_a_child)
{
    assert_int_equal(run_with(carry_streams, NULL, 1), 0);
    assert_int_equal(run_with(carry_streams, NULL, 2), 0);
    await_no_children();
}

static int on_terminal(void *arg)
{
    weir_stream terminal;
    weir_process process;
    struct weir_process_options options = {
        .arguments = SHELL("tty -s && stty size && echo on > /dev/tty"),
        .input = {.kind = WEIR_STDIO_TERMINAL},
        .output = {.kind = WEIR_STDIO_TERMINAL},
        .error = {.kind = WEIR_STDIO_TERMINAL},
        .terminal = &terminal,
        .rows = 33,
        .columns = 99,
        .process = &process,
    };
    struct weir_exit end;
    char bytes[64] = {0};
    size_t at = 0;
    ptrdiff_t n;

    (void)arg;
    CHECK(weir_process_start(&options) == 0);
    while ((n = weir_read(terminal, bytes + at, sizeof bytes - 1 - at)) > 0)
        at += (size_t)n;
    CHECK(n == 0);
    CHECK(strcmp(bytes, "33 99\r\non\r\n") == 0);
    CHECK(weir_process_wait(process, &end) == 0 && end.code == 0);
    weir_close(terminal);
    weir_process_close(process);
    return 0;
}

TEST(a_child_has_a_terminal)
{
    assert_int_equal(run_with(on_terminal, NULL, 1), 0);
    await_no_children();
}

/* ---- other programs that move bytes ---- */

static int through_socat(void *arg)
{
    struct weir_process_options socat = {
        .arguments = (const char *const[]){"socat", "-", "EXEC:'tr a-z A-Z',pty,rawer", NULL}};
    struct weir_process_options plain = {.arguments =
                                             (const char *const[]){"socat", "-", "EXEC:cat", NULL}};
    struct weir_process_options script = {
        .arguments =
            (const char *const[]){"script", "-qec", "test -t 1 && exit 5", "/dev/null", NULL}};
    struct weir_command_options options = {.input = "through", .input_len = 7};

    (void)arg;
    CHECK(run_command(&plain, &options) == 0 && says("through"));
    options.input_len = 0;
    CHECK(run_command(&script, &options) == 0 && told.exit.code == 5);
    CHECK(run_command(&socat, &options) == 0 && told.exit.known);
    weir_command_free(&told);
    return 0;
}

TEST(programs_that_move_bytes_and_terminals_run_as_ever)
{
    if (access("/usr/bin/socat", X_OK) != 0 || access("/usr/bin/script", X_OK) != 0)
        skip("no socat, or no script");
    assert_int_equal(run_with(through_socat, NULL, 1), 0);
    await_no_children();
}
