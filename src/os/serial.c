/* os/serial.c - see <weir/serial.h>.
 *
 * A port is a stream of stream/pipe.c, whose end (struct port) puts back what was changed. The
 * calls take any stream with a descriptor and see by the kernel's answer whether it is a terminal.
 * Those that wait hold the stream only while they look, so that a close ends them; a break holds it
 * until the line is as before.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <weir/blocking.h>
#include <weir/serial.h>
#include <weir/time.h>

#include "base/alloc.h"
#include "base/options.h"
#include "core/sim.h"
#include "os/serial_mode.h"
#include "stream/pipe.h"
#include "stream/stream.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/serial.h"
#include "task/task.h"

#define BREAK_NS      250000000
#define LOOK_NS       5000000
#define LOOK_LEAST_NS 1000000
#define BITS_OF_BYTE  11 /* on the line, about */

struct port {
    bool restores;
    bool exclusive;
    struct termios2 before;
};

/* ---- the end ---- */

static void end_port(void *arg, int fd)
{
    struct port *port = arg;

    weir__serial_forget(fd);
    if (port->restores)
        weir__serial_restore(fd, &port->before);
    if (port->exclusive)
        weir__serial_unclaim(fd);
    weir__free(port);
}

/* ---- settings ---- */

/* Changes the mode to one that fits, or leaves it as it was. */
static int change(int fd, const struct termios2 *before, struct termios2 *mode,
                  const struct weir_serial_settings *wanted)
{
    int rc;

    weir__serial_apply(mode, wanted);
    rc = weir__serial_set(fd, mode);
    if (rc < 0)
        return rc;
    rc = weir__serial_get(fd, mode);
    if (rc == 0 && !weir__serial_fits(mode, wanted))
        rc = WEIR_ENOTSUP;
    if (rc < 0)
        weir__serial_restore(fd, before);
    return rc;
}

static int set_up(int fd, struct port *port, const struct weir_serial_options *options)
{
    struct termios2 mode;
    int rc = weir__serial_get(fd, &port->before);

    if (rc < 0)
        return rc;
    port->restores = options->restore == WEIR_ON;
    mode = port->before;
    weir__serial_raw(&mode);
    rc = change(fd, &port->before, &mode, &options->settings);
    if (rc == 0)
        rc = weir__serial_flush(fd, true, false);
    if (rc < 0)
        weir__serial_restore(fd, &port->before);
    return rc;
}

/* ---- opening ---- */

static int read_options(struct weir_serial_options *own, const struct weir_serial_options *options,
                        size_t size)
{
    int rc = weir__options_copy(own, sizeof *own, options, size);

    if (rc == 0 && (own->exclusive > WEIR_OFF || own->restore > WEIR_OFF))
        rc = WEIR_EINVAL;
    if (rc == 0)
        rc = weir__serial_check(&own->settings);
    weir__serial_default(&own->settings);
    return rc;
}

/* Makes the stream of a port that is set up, and takes both. The claim is of the open file that the
 * stream has in the end; nobody else has the stream yet. */
static int make_stream(weir_stream *out, int fd, uint32_t flags, struct port *port, bool exclusive)
{
    struct weir__stream *stream;
    int rc = weir__pipe_adopt(weir__current_worker(), fd, flags, &stream);

    if (rc < 0) {
        weir__serial_restore(fd, &port->before);
        weir__sys_close(fd);
        weir__free(port);
        return rc;
    }
    weir__pipe_at_end(stream, end_port, port);
    if (exclusive)
        rc = weir__serial_claim(stream->fd.number);
    port->exclusive = exclusive && rc == 0;
    if (rc < 0) {
        port->restores = true;
        weir_close((weir_stream){stream->id});
    } else {
        out->id = stream->id;
    }
    return rc;
}

/* Takes the descriptor in any case. */
static int make(weir_stream *out, int fd, uint32_t flags, const struct weir_serial_options *options)
{
    struct port *port = weir__calloc(1, sizeof *port);
    int rc = port ? set_up(fd, port, options) : WEIR_ENOMEM;

    if (rc == 0)
        return make_stream(out, fd, flags, port, options->exclusive == WEIR_ON);
    weir__free(port);
    weir__sys_close(fd);
    return rc;
}

static int begin(struct weir_serial_options *own, const struct weir_serial_options *options,
                 size_t size)
{
    int rc = read_options(own, options, size);

    if (rc < 0)
        return rc;
    if (!weir__current_worker())
        return WEIR_ENOTASK;
    return weir__sim_on() ? WEIR_ENOTSUP : 0;
}

int weir_serial_open_n(weir_stream *out, const char *path,
                       const struct weir_serial_options *options, size_t options_size)
{
    WEIR__CALL;
    struct weir_serial_options own = {0};
    int fd, rc = begin(&own, options, options_size);

    if (rc < 0)
        return rc;
    fd = weir__sys_openat(AT_FDCWD, path, O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
    if (fd < 0)
        return fd == WEIR_EISDIR ? WEIR_ENOTTY : fd;
    return make(out, fd, WEIR__PIPE_OWN, &own);
}

int weir_serial_adopt_n(weir_stream *out, int descriptor, const struct weir_serial_options *options,
                        size_t options_size)
{
    WEIR__CALL;
    struct weir_serial_options own = {0};
    int fd, rc = begin(&own, options, options_size);

    if (rc < 0)
        return rc;
    fd = weir__sys_dup(descriptor);
    if (fd < 0)
        return fd;
    rc = make(out, fd, 0, &own);
    if (rc == 0)
        weir__sys_close(descriptor);
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

/* Does something with the descriptor of a port. */
static int with_port(weir_stream handle, int (*fn)(int fd, void *arg), void *arg)
{
    struct weir__stream *stream;
    int rc;

    stream = enter(handle, &rc);
    if (!stream)
        return rc;
    rc = fn(rc, arg);
    weir__stream_leave(stream, 0);
    return rc;
}

/* What a terminal answers that does not know a call: whether it is one is asked then. */
static int refusal(int fd, int rc)
{
    struct termios2 mode;

    if (rc != WEIR_ENOTTY && rc != WEIR_EINVAL)
        return rc;
    rc = weir__serial_get(fd, &mode);
    return rc == 0 ? WEIR_ENOTSUP : rc;
}

static int get(int fd, void *arg)
{
    struct termios2 mode;
    int rc = weir__serial_get(fd, &mode);

    if (rc == 0)
        weir__serial_describe(&mode, arg);
    return rc;
}

int weir_serial_get_n(weir_stream port, struct weir_serial_settings *out, size_t size)
{
    WEIR__CALL;
    struct weir_serial_settings settings;
    int rc = with_port(port, get, &settings);

    if (rc == 0)
        memcpy(out, &settings, size < sizeof settings ? size : sizeof settings);
    return rc;
}

struct setting {
    struct weir_serial_settings wanted;
    enum weir_serial_when when;
};

static int set(int fd, void *arg)
{
    const struct setting *setting = arg;
    struct termios2 before, mode;
    int rc = weir__serial_get(fd, &before);

    if (rc == 0 && setting->when == WEIR_SERIAL_FLUSHED)
        rc = weir__serial_flush(fd, true, true);
    if (rc < 0)
        return rc;
    mode = before;
    return change(fd, &before, &mode, &setting->wanted);
}

int weir_serial_set_n(weir_stream port, const struct weir_serial_settings *settings, size_t size,
                      enum weir_serial_when when)
{
    WEIR__CALL;
    struct setting setting = {.when = when};
    int rc = weir__options_copy(&setting.wanted, sizeof setting.wanted, settings, size);

    if (rc == 0)
        rc = (unsigned)when > WEIR_SERIAL_FLUSHED ? WEIR_EINVAL
                                                  : weir__serial_check(&setting.wanted);
    if (rc == 0 && when == WEIR_SERIAL_DRAINED)
        rc = weir_serial_drain(port);
    return rc < 0 ? rc : with_port(port, set, &setting);
}

static int flush(int fd, void *arg)
{
    unsigned queue = *(const enum weir_serial_queue *)arg;

    return weir__serial_flush(fd, queue & WEIR_SERIAL_INPUT, queue & WEIR_SERIAL_OUTPUT);
}

int weir_serial_flush(weir_stream port, enum weir_serial_queue queue)
{
    WEIR__CALL;

    if ((unsigned)queue < WEIR_SERIAL_INPUT || (unsigned)queue > WEIR_SERIAL_BOTH)
        return WEIR_EINVAL;
    return with_port(port, flush, &queue);
}

/* FIONREAD is known to many that are no terminals. */
static int queued(int fd, void *arg)
{
    uint32_t *counts = arg;
    struct termios2 mode;
    int rc = weir__serial_get(fd, &mode);

    return rc < 0 ? rc : weir__serial_queued(fd, &counts[0], &counts[1]);
}

int weir_serial_queued(weir_stream port, uint32_t *input, uint32_t *output)
{
    WEIR__CALL;
    uint32_t counts[2];
    int rc = with_port(port, queued, counts);

    if (rc == 0 && input)
        *input = counts[0];
    if (rc == 0 && output)
        *output = counts[1];
    return rc;
}

/* ---- draining ---- */

/* How long the queue's bytes take, within bounds; 0: there are none. */
static int time_left(int fd, void *arg)
{
    struct termios2 mode;
    uint32_t in, out;
    int64_t *left = arg;
    int rc = weir__serial_get(fd, &mode);

    if (rc == 0)
        rc = weir__serial_queued(fd, &in, &out);
    if (rc < 0 || out == 0) {
        *left = 0;
        return rc;
    }
    *left = (int64_t)out * BITS_OF_BYTE * 1000000000 / (mode.c_ospeed ? mode.c_ospeed : 1);
    *left = *left < LOOK_LEAST_NS ? LOOK_LEAST_NS : *left > LOOK_NS ? LOOK_NS : *left;
    return 0;
}

static int run_drain(void *arg)
{
    return weir__serial_drain(*(const int *)arg);
}

static int drain_rest(int fd, void *arg)
{
    (void)arg;
    return weir_blocking_in(WEIR_BLOCKING_FILES, run_drain, &fd);
}

int weir_serial_drain(weir_stream port)
{
    WEIR__CALL;
    int64_t left = 0;
    int rc;

    if (!weir__task_current())
        return WEIR_ENOTASK;
    for (;;) {
        rc = with_port(port, time_left, &left);
        if (rc < 0 || left == 0)
            break;
        rc = weir_sleep(left);
        if (rc < 0)
            break;
    }
    return rc < 0 ? rc : with_port(port, drain_rest, NULL);
}

/* ---- breaks ---- */

static int send_break(int fd, void *arg)
{
    int slept, rc = refusal(fd, weir__serial_break(fd, true));

    if (rc < 0)
        return rc;
    slept = weir_sleep(*(const int64_t *)arg);
    rc = weir__serial_break(fd, false);
    return slept < 0 ? slept : rc;
}

int weir_serial_break(weir_stream port, int64_t duration_ns)
{
    WEIR__CALL;
    int64_t duration = duration_ns ? duration_ns : BREAK_NS;

    if (duration < 0 || duration > WEIR_SERIAL_BREAK_MAX)
        return WEIR_EINVAL;
    if (!weir__task_current())
        return WEIR_ENOTASK;
    return with_port(port, send_break, &duration);
}

/* ---- lines ---- */

static const struct {
    uint32_t line;
    int bit;
} lines[] = {
    {WEIR_LINE_DTR, TIOCM_DTR}, {WEIR_LINE_RTS, TIOCM_RTS}, {WEIR_LINE_CTS, TIOCM_CTS},
    {WEIR_LINE_DSR, TIOCM_DSR}, {WEIR_LINE_DCD, TIOCM_CAR}, {WEIR_LINE_RI, TIOCM_RNG},
};
#define LINES (sizeof lines / sizeof *lines)

static int bits_of(uint32_t set)
{
    int bits = 0;
    size_t i;

    for (i = 0; i < LINES; i++)
        bits |= set & lines[i].line ? lines[i].bit : 0;
    return bits;
}

static int get_lines(int fd, void *arg)
{
    int bits = 0, rc = refusal(fd, weir__serial_lines(fd, &bits));
    uint32_t set = 0;
    size_t i;

    if (rc < 0)
        return rc;
    for (i = 0; i < LINES; i++)
        set |= bits & lines[i].bit ? lines[i].line : 0;
    *(uint32_t *)arg = set;
    return 0;
}

int weir_serial_lines(weir_stream port, uint32_t *out)
{
    WEIR__CALL;

    return with_port(port, get_lines, out);
}

static int set_lines(int fd, void *arg)
{
    const uint32_t *change = arg;

    return refusal(fd, weir__serial_set_lines(fd, bits_of(change[0]), bits_of(change[1])));
}

int weir_serial_set_lines(weir_stream port, uint32_t set, uint32_t clear)
{
    WEIR__CALL;
    uint32_t change[2] = {set, clear};

    if ((set | clear) & ~(uint32_t)(WEIR_LINE_DTR | WEIR_LINE_RTS) || set & clear)
        return WEIR_EINVAL;
    return with_port(port, set_lines, change);
}

int weir_serial_await_lines(weir_stream port, uint32_t mask, uint32_t *known)
{
    WEIR__CALL;
    uint32_t now = 0;
    int rc;

    if (!mask || mask > 2 * WEIR_LINE_RI - 1)
        return WEIR_EINVAL;
    if (!weir__task_current())
        return WEIR_ENOTASK;
    for (;;) {
        rc = with_port(port, get_lines, &now);
        if (rc < 0 || (now ^ *known) & mask)
            break;
        rc = weir_sleep(LOOK_NS);
        if (rc < 0)
            break;
    }
    if (rc == 0)
        *known = now;
    return rc;
}

static int get_counts(int fd, void *arg)
{
    return refusal(fd, weir__serial_counts(fd, arg));
}

int weir_serial_count_n(weir_stream port, struct weir_serial_counts *out, size_t size)
{
    WEIR__CALL;
    struct weir_serial_counts counts;
    int rc = with_port(port, get_counts, &counts);

    if (rc == 0)
        memcpy(out, &counts, size < sizeof counts ? size : sizeof counts);
    return rc;
}
