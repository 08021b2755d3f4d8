/* os/process_start.c - starting a process: from its options to a running child.
 *
 * Everything that can fail in the parent is made before there is a child: streams, the handle, the
 * guard. What was made is in one struct start, and one end gives back what is not the child's or
 * the caller's. The child is made by a thread of the pool, since its parent's thread stands still
 * until the program was read.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <weir/blocking.h>
#include <weir/environment.h>

#include "base/alloc.h"
#include "base/options.h"
#include "core/sim.h"
#include "os/environment.h"
#include "os/process.h"
#include "stream/pipe.h"
#include "stream/stream.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "sys/spawn.h"
#include "sys/terminal.h"
#include "task/runtime.h"
#include "task/worker.h"

_Static_assert((int)WEIR_STEP_EXEC == (int)SPAWN_STEP_EXEC, "the steps have the same numbers");
_Static_assert(sizeof(struct weir_process_limit) == sizeof(struct weir__spawn_limit),
               "limits are copied field by field, one for one");

enum {
    FDS_MAX = 3 + WEIR_PROCESS_EXTRA_MAX,
    PATH_MAX_BYTES = 65536 /* of all places where a program may be */
};
#define GRACE_DEFAULT_NS WEIR_SECONDS(5)
#define PATH_DEFAULT     "/usr/local/bin:/usr/bin:/bin"

extern char **environ;

struct start {
    struct weir_process_options options;
    struct weir__spawn_plan plan;
    struct weir__spawned spawned;
    int fds[FDS_MAX];
    int opened[FDS_MAX];          /* of the fds, those that are this call's to close; -1: none */
    weir_stream streams[FDS_MAX]; /* the parent's ends */
    weir_stream terminal;
    int slave;
    char *paths;
    char **environment; /* a copy, or NULL */
    struct weir__spawn_limit *limits;
    struct weir__process *process;
    struct weir__guard *guard;
    bool begun;
};

static const struct weir_stdio *stdio_of(const struct start *start, int index)
{
    const struct weir_process_options *o = &start->options;

    return index == 0   ? &o->input
           : index == 1 ? &o->output
           : index == 2 ? &o->error
                        : &o->extra[index - 3];
}

static bool child_reads(const struct weir_stdio *stdio, int index)
{
    return index < 3 ? index == 0 : stdio->input == WEIR_ON;
}

/* ---- checking ---- */

static bool stdio_is_right(const struct start *start, int index)
{
    const struct weir_stdio *stdio = stdio_of(start, index);

    switch (stdio->kind) {
    case WEIR_STDIO_INHERIT:
    case WEIR_STDIO_NULL:
        return true;
    case WEIR_STDIO_PIPE:
        return stdio->pipe;
    case WEIR_STDIO_DESCRIPTOR:
        return stdio->descriptor >= 0;
    case WEIR_STDIO_FILE:
        return stdio->path;
    case WEIR_STDIO_TERMINAL:
        return start->options.terminal;
    case WEIR_STDIO_STREAM:
        return start->options.scope && index < 3;
    case WEIR_STDIO_SAME:
        return stdio->descriptor >= 0 && stdio->descriptor < index;
    default:
        return false;
    }
}

static bool switches_are_right(const struct weir_process_options *o)
{
    const uint8_t switches[] = {o->keep_descriptors, o->new_session, o->new_group,
                                o->sets_user,        o->sets_group,  o->sets_groups,
                                o->sets_umask,       o->sweep,       o->kill_on_close};
    size_t i;

    for (i = 0; i < sizeof switches; i++) {
        if (switches[i] > WEIR_OFF)
            return false;
    }
    return true;
}

static int check(const struct start *start)
{
    const struct weir_process_options *o = &start->options;
    int i;

    if (!o->arguments || !o->arguments[0] || (!o->scope && !o->process) || !switches_are_right(o)
        || o->extra_count > WEIR_PROCESS_EXTRA_MAX || (o->extra_count && !o->extra)
        || (o->groups_count && !o->groups) || (o->limits_count && !o->limits) || o->grace_ns < 0
        || o->stop_signal < 0 || o->stop_signal > 64)
        return WEIR_EOPTION;
    for (i = 0; i < start->plan.fd_count; i++) {
        if (!stdio_is_right(start, i))
            return WEIR_EOPTION;
    }
    return 0;
}

/* ---- the program ---- */

static const char *path_of(const char *const *environment)
{
    for (; environment && *environment; environment++) {
        if (strncmp(*environment, "PATH=", 5) == 0)
            return *environment + 5;
    }
    return environment ? PATH_DEFAULT : NULL;
}

/* Joins each folder of a PATH with the name. */
static void join_paths(char *out, const char *path, const char *name)
{
    size_t name_len = strlen(name);

    for (;;) {
        size_t len = strcspn(path, ":");

        memcpy(out, len ? path : ".", len ? len : 1);
        out += len ? len : 1;
        *out++ = '/';
        memcpy(out, name, name_len + 1);
        out += name_len + 1;
        if (!path[len])
            break;
        path += len + 1;
    }
    *out = '\0';
}

static int make_paths(struct start *start)
{
    const struct weir_process_options *o = &start->options;
    const char *name = o->program ? o->program : o->arguments[0], *path = "";
    size_t i, folders = 1;

    if (!name[0])
        return WEIR_ENOENT;
    if (!strchr(name, '/')) {
        path = o->environment ? path_of(o->environment) : getenv("PATH");
        path = path ? path : PATH_DEFAULT;
    }
    for (i = 0; path[i]; i++)
        folders += path[i] == ':';
    i += folders * (strlen(name) + 3) + 2;
    if (i > PATH_MAX_BYTES)
        return WEIR_ENAMETOOLONG;
    start->paths = weir__calloc(1, i);
    if (!start->paths)
        return WEIR_ENOMEM;
    if (strchr(name, '/'))
        memcpy(start->paths, name, strlen(name));
    else
        join_paths(start->paths, path, name);
    start->plan.paths = start->paths;
    return 0;
}

static int make_plan(struct start *start, struct weir__runtime *runtime)
{
    const struct weir_process_options *o = &start->options;
    struct weir__spawn_plan *plan = &start->plan;
    size_t i;

    plan->argv = (char *const *)(uintptr_t)o->arguments;
    plan->envp = o->environment ? (char *const *)(uintptr_t)o->environment : environ;
    plan->directory = o->directory;
    plan->fds = start->fds;
    plan->close_others = o->keep_descriptors != WEIR_ON;
    plan->new_session = o->new_session == WEIR_ON;
    plan->sets_group = o->new_group == WEIR_ON;
    plan->sets_user = o->sets_user == WEIR_ON;
    plan->sets_gid = o->sets_group == WEIR_ON;
    plan->sets_groups = o->sets_groups == WEIR_ON;
    plan->drops_groups = o->sets_groups == WEIR_DEFAULT && (plan->sets_user || plan->sets_gid);
    plan->sets_umask = o->sets_umask == WEIR_ON;
    plan->user = o->user;
    plan->gid = o->group;
    plan->umask = o->umask;
    plan->groups = o->groups;
    plan->group_count = o->groups_count;
    plan->terminal = plan->cgroup = -1;
    plan->blocked = weir__runtime_blocked(runtime);
    if (o->limits_count) {
        start->limits = weir__calloc(o->limits_count, sizeof *start->limits);
        if (!start->limits)
            return WEIR_ENOMEM;
        for (i = 0; i < o->limits_count; i++)
            start->limits[i] = (struct weir__spawn_limit){o->limits[i].soft, o->limits[i].hard,
                                                          o->limits[i].resource};
        plan->limits = start->limits;
        plan->limit_count = o->limits_count;
    }
    return make_paths(start);
}

/* ---- descriptors ---- */

/* Makes a stream of the parent's end, which it takes. */
static int take_end(struct weir__worker *worker, int fd, weir_stream *out)
{
    struct weir__stream *stream;
    int rc = weir__pipe_adopt(worker, fd, WEIR__PIPE_OWN, &stream);

    if (rc < 0)
        weir__sys_close(fd);
    else
        out->id = stream->id;
    return rc;
}

static int make_pipe(struct start *start, struct weir__worker *worker, int index, bool reads)
{
    int rc, fds[2];

    rc = weir__sys_pipe2(fds, 0);
    if (rc < 0)
        return rc;
    start->fds[index] = start->opened[index] = fds[!reads];
    return take_end(worker, fds[reads], &start->streams[index]);
}

static int make_terminal(struct start *start, struct weir__worker *worker)
{
    struct weir__terminal_size size = {start->options.rows ? start->options.rows : 24,
                                       start->options.columns ? start->options.columns : 80};
    int rc, master;

    if (start->slave >= 0)
        return 0;
    rc = weir__terminal_open(&master, &start->slave);
    if (rc < 0)
        return rc;
    rc = take_end(worker, master, &start->terminal);
    if (rc == 0)
        rc = weir__terminal_set_size(start->slave, &size);
    start->plan.terminal = start->slave;
    start->plan.new_session = true;
    return rc;
}

/* What is named beyond the three is given although it is close-on-exec, if it was open before this
 * call opened anything. Of the three, what is not for children is not given unasked. */
static void note_inherited(struct start *start)
{
    int i;

    for (i = 3; i < start->plan.fd_count; i++) {
        if (stdio_of(start, i)->kind == WEIR_STDIO_INHERIT && weir__sys_get_mode(i) >= 0)
            start->fds[i] = i;
    }
}

/* What needs no disk. */
static int prepare_stdio(struct start *start, struct weir__worker *worker, int index)
{
    const struct weir_stdio *stdio = stdio_of(start, index);
    int rc = 0;

    switch ((enum weir_stdio_kind)stdio->kind) {
    case WEIR_STDIO_PIPE:
    case WEIR_STDIO_STREAM:
        return make_pipe(start, worker, index, child_reads(stdio, index));
    case WEIR_STDIO_DESCRIPTOR:
        start->fds[index] = stdio->descriptor;
        break;
    case WEIR_STDIO_TERMINAL:
        rc = make_terminal(start, worker);
        start->fds[index] = start->slave;
        break;
    case WEIR_STDIO_SAME: /* the parent's own, if that is inherited */
        start->fds[index] = start->fds[stdio->descriptor];
        if (start->fds[index] < 0)
            start->fds[index] = stdio->descriptor;
        break;
    case WEIR_STDIO_INHERIT:
    case WEIR_STDIO_NULL:
    case WEIR_STDIO_FILE:
        break;
    }
    return rc;
}

/* What may wait for the disk. O_NONBLOCK, so that a FIFO does not wait for its other end; it is the
 * child's to have none. */
static int open_for_child(const struct weir_stdio *stdio, bool reads)
{
    const char *path = stdio->kind == WEIR_STDIO_NULL ? "/dev/null" : stdio->path;
    int rc, fd, how = reads ? O_RDONLY : O_WRONLY;

    if (!reads && stdio->kind == WEIR_STDIO_FILE)
        how |= O_CREAT | (stdio->append == WEIR_ON ? O_APPEND : O_TRUNC);
    fd = weir__sys_openat(AT_FDCWD, path, how | O_NONBLOCK | O_NOCTTY, 0666);
    if (fd < 0)
        return fd;
    rc = weir__sys_set_nonblock(fd, false);
    if (rc < 0)
        weir__sys_close(fd);
    return rc < 0 ? rc : fd;
}

static int open_files(struct start *start)
{
    int i;

    for (i = 0; i < start->plan.fd_count; i++) {
        const struct weir_stdio *stdio = stdio_of(start, i);

        if (stdio->kind == WEIR_STDIO_NULL || stdio->kind == WEIR_STDIO_FILE) {
            int fd = open_for_child(stdio, child_reads(stdio, i));

            if (fd < 0)
                return fd;
            start->fds[i] = start->opened[i] = fd;
        } else if (stdio->kind == WEIR_STDIO_SAME && start->fds[stdio->descriptor] >= 0) {
            start->fds[i] = start->fds[stdio->descriptor];
        }
    }
    return 0;
}

static int open_cgroup(struct start *start)
{
    int rc, folder, killer;

    if (!start->options.cgroup)
        return 0;
    folder = weir__sys_openat(AT_FDCWD, start->options.cgroup, O_RDONLY | O_DIRECTORY, 0);
    if (folder < 0)
        return folder;
    rc = start->plan.cgroup = weir__sys_openat(folder, "cgroup.procs", O_WRONLY, 0);
    if (rc >= 0) {
        killer = weir__sys_openat(folder, "cgroup.kill", O_WRONLY, 0); /* Linux 5.14 */
        weir__lock(&start->process->lock);                             /* the guard looks at it */
        start->process->cgroup_kill = killer;
        weir__unlock(&start->process->lock);
    }
    weir__sys_close(folder);
    return rc < 0 ? rc : 0;
}

/* On a thread of the pool. */
static int make_child(void *arg)
{
    struct start *start = arg;
    int rc;

    start->begun = true;
    rc = open_files(start);
    if (rc == 0)
        rc = open_cgroup(start);
    return rc == 0 ? weir__spawn(&start->plan, &start->spawned) : rc;
}

/* ---- the guard ---- */

static int make_guard(struct start *start)
{
    const struct weir_process_options *o = &start->options;
    struct weir__guard *guard;
    int i, rc;

    if (!o->scope)
        return 0;
    guard = weir__calloc(1, sizeof *guard);
    if (!guard)
        return WEIR_ENOMEM;
    guard->process = start->process;
    guard->signal = o->stop_signal ? o->stop_signal : SIGTERM;
    guard->grace_ns = o->grace_ns ? o->grace_ns : GRACE_DEFAULT_NS;
    for (i = 0; i < 3; i++) {
        if (stdio_of(start, i)->kind != WEIR_STDIO_STREAM)
            continue;
        guard->carried[guard->count].child = start->streams[i];
        guard->carried[guard->count].other = stdio_of(start, i)->stream;
        guard->carried[guard->count].input = i == 0;
        guard->count++;
    }
    weir__process_hold(start->process);
    rc = weir__guard_spawn(o->scope, guard);
    if (rc < 0) {
        weir__process_drop(start->process);
        weir__free(guard);
        return rc;
    }
    for (i = 0; i < 3; i++) {
        if (stdio_of(start, i)->kind == WEIR_STDIO_STREAM)
            start->streams[i].id = 0; /* the guard's */
    }
    return 0;
}

/* ---- beginning and ending ---- */

static int prepare(struct start *start, struct weir__task *task)
{
    int i, rc = make_plan(start, task->runtime);

    note_inherited(start);
    for (i = 0; rc == 0 && i < start->plan.fd_count; i++)
        rc = prepare_stdio(start, task->worker, i);
    if (rc == 0)
        rc = weir__process_make(&start->process);
    if (rc < 0)
        return rc;
    start->process->has_group = start->plan.new_session || start->plan.sets_group;
    start->process->sweep = start->options.sweep == WEIR_ON;
    start->process->kill_on_close = start->options.kill_on_close == WEIR_ON
                                    && start->options.process; /* else there is no close */
    return make_guard(start);
}

static int begin(struct start *start)
{
    int rc = weir_blocking_in(WEIR_BLOCKING_FILES, make_child, start);

    /* a pool that has no thread to give is done without */
    if (!start->begun && (rc == WEIR_EAGAIN || rc == WEIR_ENOMEM))
        rc = make_child(start);
    return rc;
}

static void give_out(struct start *start)
{
    const struct weir_process_options *o = &start->options;
    int i;

    for (i = 0; i < start->plan.fd_count; i++) {
        if (stdio_of(start, i)->kind == WEIR_STDIO_PIPE)
            *stdio_of(start, i)->pipe = start->streams[i];
        start->streams[i].id = 0;
    }
    if (o->terminal && start->slave >= 0)
        *o->terminal = start->terminal;
    start->terminal.id = 0;
    if (o->process)
        o->process->id = start->process->id;
}

/* Gives back what is still this call's. */
static void fini(struct start *start)
{
    int i;

    for (i = 0; i < start->plan.fd_count; i++) {
        if (start->opened[i] >= 0)
            weir__sys_close(start->opened[i]);
        weir_close(start->streams[i]);
    }
    if (start->slave >= 0)
        weir__sys_close(start->slave);
    if (start->plan.cgroup >= 0)
        weir__sys_close(start->plan.cgroup);
    weir_close(start->terminal);
    weir_environment_free(start->environment);
    weir__free(start->paths);
    weir__free(start->limits);
    weir__free(start);
}

static int keep_environment(struct start *start)
{
    int rc = start->options.environment ? 0 : weir__environment_keep(&start->environment);

    if (start->environment)
        start->options.environment = (const char *const *)start->environment;
    return rc;
}

static int run(struct start *start, struct weir__task *task)
{
    weir_process unnamed;
    int rc = check(start);

    if (rc == 0)
        rc = keep_environment(start);
    if (rc == 0)
        rc = prepare(start, task);
    if (rc == 0)
        rc = begin(start);
    if (rc < 0) {
        if (start->process)
            weir__process_failed(start->process, rc);
        if (start->options.failed_step)
            *start->options.failed_step = (uint8_t)start->spawned.step;
        return rc;
    }
    weir__process_began(start->process, task->worker, start->spawned.pid, start->spawned.pidfd);
    unnamed.id = start->options.process ? 0 : start->process->id;
    give_out(start);
    weir_process_close(unnamed);
    return 0;
}

int weir_process_start_n(const struct weir_process_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();
    struct start *start;
    int i, rc;

    if (!task)
        return WEIR_ENOTASK;
    if (weir__sim_on())
        return WEIR_ENOTSUP;
    rc = weir__leaf();
    if (rc < 0)
        return rc;
    start = weir__calloc(1, sizeof *start);
    if (!start)
        return WEIR_ENOMEM;
    start->slave = start->plan.cgroup = -1;
    for (i = 0; i < FDS_MAX; i++)
        start->fds[i] = start->opened[i] = -1;
    rc = weir__options_copy(&start->options, sizeof start->options, options, options_size);
    if (rc == 0) {
        size_t extra = start->options.extra_count;

        start->plan.fd_count = 3 + (int)(extra > WEIR_PROCESS_EXTRA_MAX ? 0 : extra);
        rc = run(start, task);
    }
    fini(start);
    return rc;
}
