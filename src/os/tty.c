/* os/tty.c - see <weir/tty.h>.
 *
 * A terminal in another mode than its own has a place in a table, with its own mode and a
 * descriptor of our own. Places are taken and given under a lock; what restores them, which may be
 * a signal handler, reads the table without: a place is valid from its state on, and its
 * descriptor is closed only after that has been taken back.
 *
 * While a place is taken the signals that end the process have our handler, unless the program has
 * one of its own: it restores the terminals and passes the signal on to what was there before.
 */
#include <weir/tty.h>

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <weir/signal.h>

#include "base/atomic.h"
#include "stream/stream.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "sys/terminal.h"
#include "task/runtime.h"
#include "task/task.h"

#define PLACES 8

static const int fatal[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGABRT, SIGFPE,  SIGSEGV, SIGPIPE,
                            SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGBUS,  SIGXCPU, SIGSYS,  SIGTRAP};
#define FATALS (sizeof fatal / sizeof *fatal)

enum place_state {
    PLACE_FREE,
    PLACE_SET
};

struct place {
    uint32_t state; /* enum place_state; partner: weir_tty_restore */
    int fd;
    uint64_t device; /* of the terminal; of a pseudo-terminal the lower end's */
    struct weir__runtime *runtime;
    struct termios normal;
};

static uint32_t lock; /* guards what follows, but for who restores */
static struct place places[PLACES];
static uint32_t count; /* of places taken */
static bool at_exit;
static struct sigaction before[FATALS];
static bool caught[FATALS];

/* ---- restoring ---- */

void weir_tty_restore(void)
{
    int i, saved = weir__sys_errno();

    for (i = 0; i < PLACES; i++) {
        if (WEIR_ATOMIC_LOAD(&places[i].state, ACQUIRE) == PLACE_SET)
            weir__terminal_restore(places[i].fd, &places[i].normal);
    }
    weir__sys_errno_restore(saved);
}

/* Whether the instruction that has caused it is made again after the return. */
static bool happens_again(int number, const siginfo_t *info)
{
    return info->si_code > 0
           && (number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE);
}

/* As if our handler were not there. */
static void pass_on(size_t index, int number, siginfo_t *info, void *machine)
{
    const struct sigaction *action = &before[index];

    if (action->sa_flags & SA_SIGINFO) {
        action->sa_sigaction(number, info, machine);
    } else if (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN) {
        action->sa_handler(number);
    } else {
        weir__sys_sigaction_restore(number, action);
        if (!happens_again(number, info))
            raise(number);
    }
}

static void on_fatal(int number, siginfo_t *info, void *machine)
{
    size_t i;

    weir_tty_restore();
    for (i = 0; i < FATALS; i++) {
        if (fatal[i] == number)
            pass_on(i, number, info, machine);
    }
}

/* SIGSEGV has a handler of the runtime's, which ends the process in its turn. */
static bool is_ours_to_catch(int number, const struct sigaction *now)
{
    if (now->sa_flags & SA_SIGINFO)
        return number == SIGSEGV;
    return now->sa_handler == SIG_DFL;
}

/* Under the lock. */
static void catch_all(void)
{
    struct sigaction action;
    size_t i;

    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fatal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (i = 0; i < FATALS; i++) {
        caught[i] = weir__sys_sigaction(fatal[i], NULL, &before[i]) == 0
                    && is_ours_to_catch(fatal[i], &before[i])
                    && weir__sys_sigaction(fatal[i], &action, NULL) == 0;
    }
}

/* Where somebody else has a handler now it stays. */
static void release_all(void)
{
    struct sigaction now;
    size_t i;

    for (i = 0; i < FATALS; i++) {
        if (caught[i] && weir__sys_sigaction(fatal[i], NULL, &now) == 0
            && (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_fatal)
            weir__sys_sigaction_restore(fatal[i], &before[i]);
        caught[i] = false;
    }
}

/* ---- places: under the lock ---- */

static struct place *find(uint64_t device)
{
    int i;

    for (i = 0; i < PLACES; i++) {
        if (places[i].state == PLACE_SET && places[i].device == device)
            return &places[i];
    }
    return NULL;
}

static struct place *find_free(void)
{
    int i;

    for (i = 0; i < PLACES; i++) {
        if (places[i].state == PLACE_FREE)
            return &places[i];
    }
    return NULL;
}

static void give_place(struct place *place)
{
    WEIR_ATOMIC_STORE(&place->state, PLACE_FREE, SEQ_CST);
    weir__sys_close(place->fd);
    if (--count == 0)
        release_all();
}

/* The runtime ends. */
static void end_runtime(struct weir__runtime *runtime)
{
    int i;

    weir__lock(&lock);
    for (i = 0; i < PLACES; i++) {
        if (places[i].state == PLACE_SET && places[i].runtime == runtime) {
            weir__terminal_restore(places[i].fd, &places[i].normal);
            give_place(&places[i]);
        }
    }
    weir__unlock(&lock);
}

static int take_place(int fd, uint64_t device, const struct termios *normal, struct place **out)
{
    struct place *place = find_free();

    if (!place)
        return WEIR_ELIMIT;
    place->fd = weir__sys_dup(fd);
    if (place->fd < 0)
        return place->fd;
    place->device = device;
    place->normal = *normal;
    place->runtime = weir__task_current()->runtime;
    if (count++ == 0)
        catch_all();
    if (!at_exit)
        at_exit = atexit(weir_tty_restore) == 0;
    WEIR_ATOMIC_STORE(&weir__runtime_at_end, end_runtime, RELEASE);
    WEIR_ATOMIC_STORE(&place->state, PLACE_SET, SEQ_CST);
    *out = place;
    return 0;
}

/* ---- modes ---- */

static void change(struct termios *mode, enum weir_tty_mode wanted)
{
    if (wanted == WEIR_TTY_RAW) {
        cfmakeraw(mode);
    } else {
        mode->c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        mode->c_lflag |= ISIG;
        mode->c_iflag &= ~(tcflag_t)ICRNL;
    }
    mode->c_cc[VMIN] = 1;
    mode->c_cc[VTIME] = 0;
}

static int set_mode(int fd, enum weir_tty_mode wanted)
{
    struct termios mode;
    struct place *place;
    uint64_t device;
    bool fresh;
    int rc = weir__terminal_get(fd, &mode);

    if (rc == 0)
        rc = weir__terminal_device(fd, &device);
    if (rc < 0)
        return rc;
    place = find(device);
    if (wanted == WEIR_TTY_NORMAL) {
        rc = place ? weir__terminal_set(fd, &place->normal) : 0;
        if (rc == 0 && place)
            give_place(place);
        return rc;
    }
    fresh = !place;
    if (fresh)
        rc = take_place(fd, device, &mode, &place);
    if (rc < 0)
        return rc;
    mode = place->normal;
    change(&mode, wanted);
    rc = weir__terminal_set(fd, &mode);
    if (rc < 0 && fresh)
        give_place(place);
    return rc;
}

/* ---- calls ---- */

/* The stream, pinned, and its descriptor; or NULL with *fd an error. */
static struct weir__stream *enter(weir_stream handle, int *fd)
{
    struct weir__stream *stream = weir__stream_enter(handle, 0, fd);

    if (!stream)
        return NULL;
    *fd = stream->fd.number;
    if (*fd >= 0)
        return stream;
    *fd = WEIR_ENOTTY;
    weir__stream_leave(stream, 0);
    return NULL;
}

int weir_tty_mode(weir_stream handle, enum weir_tty_mode mode)
{
    WEIR__CALL;
    struct weir__stream *stream;
    int rc;

    if ((unsigned)mode > WEIR_TTY_RAW)
        return WEIR_EINVAL;
    if (!weir__task_current())
        return WEIR_ENOTASK;
    stream = enter(handle, &rc);
    if (!stream)
        return rc;
    weir__lock(&lock);
    rc = set_mode(rc, mode);
    weir__unlock(&lock);
    weir__stream_leave(stream, 0);
    return rc;
}

int weir_tty_size(weir_stream handle, struct weir_tty_window *out)
{
    WEIR__CALL;
    struct weir__terminal_size size;
    struct weir__stream *stream;
    int rc;

    stream = enter(handle, &rc);
    if (!stream)
        return rc;
    rc = weir__terminal_get_size(rc, &size);
    weir__stream_leave(stream, 0);
    if (rc == 0)
        *out = (struct weir_tty_window){size.rows, size.columns};
    return rc;
}

int weir_tty_resize(weir_stream handle, struct weir_tty_window size)
{
    WEIR__CALL;
    struct weir__terminal_size wanted = {size.rows, size.columns};
    struct weir__stream *stream;
    int rc;

    stream = enter(handle, &rc);
    if (!stream)
        return rc;
    rc = weir__terminal_set_size(rc, &wanted);
    weir__stream_leave(stream, 0);
    return rc;
}

/* The listener is there before the size is asked for, so that no change is missed. */
int weir_tty_await_resize(weir_stream stream, struct weir_tty_window *size)
{
    WEIR__CALL;
    const int number = SIGWINCH;
    struct weir_tty_window now;
    weir_signals listener;
    int rc;

    if (!weir__task_current())
        return WEIR_ENOTASK;
    rc = weir_signals_open(&listener, &number, 1);
    if (rc < 0)
        return rc;
    do {
        rc = weir_tty_size(stream, &now);
        if (rc < 0 || now.rows != size->rows || now.columns != size->columns)
            break;
        rc = weir_signals_next(listener, NULL);
    } while (rc > 0);
    weir_signals_close(listener);
    if (rc == 0)
        *size = now;
    return rc;
}

int weir_tty_is(weir_stream handle)
{
    WEIR__CALL;
    struct weir__stream *stream;
    int rc;

    stream = enter(handle, &rc);
    if (!stream)
        return rc == WEIR_ENOTTY ? 0 : rc;
    rc = weir__terminal_is(rc);
    weir__stream_leave(stream, 0);
    return rc;
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);

    return value && value[0];
}

static int colours_by_environment(void)
{
    const char *term = getenv("TERM"), *depth = getenv("COLORTERM");

    if (depth && (strcmp(depth, "truecolor") == 0 || strcmp(depth, "24bit") == 0))
        return WEIR_TTY_COLOURS_TRUE;
    if (!term || !term[0] || strcmp(term, "dumb") == 0)
        return is_set("COLORTERM") ? WEIR_TTY_COLOURS_16 : WEIR_TTY_COLOURS_NONE;
    if (strstr(term, "direct"))
        return WEIR_TTY_COLOURS_TRUE;
    if (strstr(term, "256color"))
        return WEIR_TTY_COLOURS_256;
    return strncmp(term, "vt1", 3) == 0 || strncmp(term, "vt2", 3) == 0 ? WEIR_TTY_COLOURS_NONE
                                                                        : WEIR_TTY_COLOURS_16;
}

int weir_tty_colours(weir_stream stream)
{
    int colours, is = weir_tty_is(stream);
    const char *force = getenv("CLICOLOR_FORCE");
    bool forced = force && force[0] && strcmp(force, "0") != 0;

    if (is < 0)
        return is;
    if (is_set("NO_COLOR") || (!is && !forced))
        return WEIR_TTY_COLOURS_NONE;
    colours = colours_by_environment();
    return forced && colours == WEIR_TTY_COLOURS_NONE ? WEIR_TTY_COLOURS_16 : colours;
}
