/* examples/watch.c - prints what happens below a directory, until it is gone or SIGINT comes.
 *
 *     watch [DIRECTORY]
 *
 * Events are gathered for 50 ms, so that a save of an editor is a line or two. After a "rescan" a
 * program would look at everything again: some events were lost.
 */
#include <signal.h>
#include <stdio.h>
#include <weir.h>

static void print(const struct weir_fs_event *event)
{
    printf("%s %s", weir_fs_event_name(event->kind), event->path);
    if (event->is_dir && event->path[0])
        putchar('/');
    if (event->kind == WEIR_FS_RENAMED)
        printf(" (it was %s)", event->old_path);
    if (event->kind == WEIR_FS_ERROR)
        printf(": %s", weir_strerror(event->error));
    putchar('\n');
}

/* Prints all events: 0 at the end, or why it ends before. */
static int print_all(void *arg)
{
    const struct weir_fs_watch_options options = {.recursive = WEIR_ON,
                                                  .coalesce_ns = WEIR_MILLISECONDS(50)};
    const char *path = arg;
    struct weir_fs_event event;
    weir_fs_watch watch;
    int rc = weir_fs_watch_open(&watch, weir_cwd(), path, &options);

    if (rc < 0) {
        fprintf(stderr, "watch: %s: %s\n", path, weir_strerror(rc));
        return rc;
    }
    printf("watching %s\n", path);
    do {
        fflush(stdout);
        rc = weir_fs_watch_next(watch, &event);
        if (rc == 1)
            print(&event);
    } while (rc == 1);
    weir_fs_watch_close(watch);
    return rc;
}

static int run(void *path)
{
    static const int signals[] = {SIGINT, SIGTERM};
    weir_task printer;
    weir_scope scope;
    weir_case cases[2];
    weir_signals listener;
    int result = 0, rc = weir_signals_open(&listener, signals, 2);

    if (rc < 0)
        return rc;
    rc = weir_scope_open(&scope);
    if (rc == 0) {
        rc = weir_spawn_task(&scope, &printer, print_all, path);
        weir_case_signals(&cases[0], listener, NULL);
        weir_case_task(&cases[1], printer, &result);
        if (rc == 0 && weir_select(cases, 2) == 0)
            weir_scope_cancel(&scope);
        rc = weir_scope_join(&scope);
    }
    weir_signals_close(listener);
    return rc == WEIR_ECANCELED ? 0 : rc;
}

int main(int argc, char **argv)
{
    static char here[] = ".";

    return weir_run(run, argc > 1 ? argv[1] : here, NULL) < 0;
}
