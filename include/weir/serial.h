/* weir/serial.h - serial ports: rate, format, flow control, breaks, modem lines.
 *
 * A port is a stream (<weir/stream.h>): it is read, written and closed as all are, with deadlines
 * and cancels. What is here are its settings and what goes beside the bytes. The calls take any
 * stream over a terminal, so also a pseudo-terminal and standard input. A stream over something
 * else is WEIR_ENOTTY; a port that lacks what is asked for is WEIR_ENOTSUP (a pseudo-terminal has
 * no modem lines and one format, 8N1).
 *
 * weir_close does not wait: what is still in the port's queue then is lost, so that nobody waits
 * half a minute for a peer that is not ready. weir_serial_drain comes first where that matters.
 */
#ifndef WEIR_SERIAL_H
#define WEIR_SERIAL_H

#include <stddef.h>
#include <stdint.h>

#include <weir/options.h>
#include <weir/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_SERIAL_RATE_MAX 100000000 /* bits a second */

enum weir_parity {
    WEIR_PARITY_NONE = 1,
    WEIR_PARITY_ODD = 2,
    WEIR_PARITY_EVEN = 3,
    WEIR_PARITY_MARK = 4,  /* always 1 */
    WEIR_PARITY_SPACE = 5, /* always 0 */
};

enum weir_flow {
    WEIR_FLOW_NONE = 1,
    WEIR_FLOW_HARDWARE = 2, /* RTS and CTS */
    WEIR_FLOW_SOFTWARE = 3, /* XON and XOFF, bytes 17 and 19 */
};

/* What becomes of a byte whose parity or frame was wrong. */
enum weir_serial_errors {
    WEIR_SERIAL_KEEP = 1, /* read as it is; a break is read as a zero byte */
    WEIR_SERIAL_DROP = 2, /* breaks too */
    WEIR_SERIAL_MARK = 3, /* read as 255, 0 and the byte, a break as 255, 0, 0, and 255 as 255,
                             255 */
};

/* The bytes themselves are passed as they are, in both directions. Zero: for a port that is opened,
 * the default that is said here; for one that is changed, as it is. */
struct weir_serial_settings {
    uint32_t rate;     /* bits a second, any that the port can make; default 9600 */
    uint32_t rate_in;  /* of what is received, if it is another one; default `rate` */
    uint8_t data_bits; /* 5..8; default 8 */
    uint8_t stop_bits; /* 1, 2; default 1 */
    uint8_t parity;    /* enum weir_parity; default NONE */
    uint8_t flow;      /* enum weir_flow; default NONE */
    uint8_t errors;    /* enum weir_serial_errors; default KEEP */
    uint8_t modem;     /* WEIR_ON: the line DCD is heeded: without a carrier nothing is written, and
                          its loss is the end of the stream; default off */
    uint8_t hang_up;   /* WEIR_OFF: DTR and RTS stay as they are when the port is closed; default
                          on */
};

struct weir_serial_options {
    struct weir_serial_settings settings;
    uint8_t exclusive; /* WEIR_ON: nobody else opens it meanwhile, but root, and nobody who asks by
                          flock(2) has it: WEIR_EBUSY; default off */
    uint8_t restore;   /* WEIR_ON: the settings that it had come back at the end; default off */
};

/* Opens a port by its path, /dev/ttyUSB0. It becomes nobody's controlling terminal, and opening it
 * does not wait for a carrier. What was received before is dropped. Gives *out. Borrows path and
 * options. By a task; does not suspend. WEIR_ENOTTY (no terminal: nothing is changed), WEIR_EINVAL
 * (a setting that there is not, 9 data bits), WEIR_ENOTSUP (one that this port cannot have, the
 * rate counted if it is off by more than a twentieth; then it is as it was), WEIR_EBUSY,
 * WEIR_ENOENT, WEIR_EACCES, WEIR_ENXIO, WEIR_ENODEV, WEIR_EIO, WEIR_ENAMETOOLONG, WEIR_EOPTION,
 * WEIR_EMFILE, WEIR_ENFILE, WEIR_ENOMEM, WEIR_ELIMIT, WEIR_ENOTASK. termios(3) */
WEIR_PUBLIC int weir_serial_open_n(weir_stream *out, const char *path,
                                   const struct weir_serial_options *options, size_t options_size);
static inline int weir_serial_open(weir_stream *out, const char *path,
                                   const struct weir_serial_options *options)
{
    return weir_serial_open_n(out, path, options, sizeof *options);
}

/* The same for a descriptor, which it takes on success. WEIR_EBADF, and errors as above. */
WEIR_PUBLIC int weir_serial_adopt_n(weir_stream *out, int descriptor,
                                    const struct weir_serial_options *options, size_t options_size);
static inline int weir_serial_adopt(weir_stream *out, int descriptor,
                                    const struct weir_serial_options *options)
{
    return weir_serial_adopt_n(out, descriptor, options, sizeof *options);
}

/* The settings that the port has, none of them zero; the rate is what the port makes of the one
 * that was asked for, and `rate_in` the same one unless it differs. WEIR_ENOTTY, WEIR_EBADHANDLE,
 * WEIR_EIO. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_serial_get_n(weir_stream port, struct weir_serial_settings *out, size_t size);
static inline int weir_serial_get(weir_stream port, struct weir_serial_settings *out)
{
    return weir_serial_get_n(port, out, sizeof *out);
}

enum weir_serial_when {
    WEIR_SERIAL_NOW = 0,
    WEIR_SERIAL_DRAINED = 1, /* when what was written has been sent; suspends */
    WEIR_SERIAL_FLUSHED = 2, /* what is in the port's queues, in both directions, is dropped */
};

/* Changes settings; those that are zero stay. Suspends if it drains. A task is needed for that
 * alone; else any thread. Errors of weir_serial_open and weir_serial_drain, WEIR_EINVAL (when),
 * WEIR_EBADHANDLE. */
WEIR_PUBLIC int weir_serial_set_n(weir_stream port, const struct weir_serial_settings *settings,
                                  size_t size, enum weir_serial_when when);
static inline int weir_serial_set(weir_stream port, const struct weir_serial_settings *settings,
                                  enum weir_serial_when when)
{
    return weir_serial_set_n(port, settings, sizeof *settings, when);
}

/* Waits until what was written has been sent: it looks from time to time, as long as the port's
 * queue has something, and a thread of the pool (class FILES) waits for the rest, which is what the
 * hardware holds. Suspends. WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EBADHANDLE (also for a port that
 * is closed meanwhile), WEIR_ENOTTY, WEIR_EIO, WEIR_ENOTASK, and errors of weir_blocking. */
WEIR_PUBLIC int weir_serial_drain(weir_stream port);

enum weir_serial_queue {
    WEIR_SERIAL_INPUT = 1,
    WEIR_SERIAL_OUTPUT = 2,
    WEIR_SERIAL_BOTH = 3,
};

/* Drops what was received and not read, or written and not sent. WEIR_EINVAL (queue), WEIR_ENOTTY,
 * WEIR_EBADHANDLE, WEIR_EIO. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_serial_flush(weir_stream port, enum weir_serial_queue queue);

/* Bytes in the port's queues: *input (may be NULL) can be read, *output (likewise) are not sent
 * yet. Errors as above. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_serial_queued(weir_stream port, uint32_t *input, uint32_t *output);

#define WEIR_SERIAL_BREAK_MAX INT64_C(10000000000) /* ns */

/* Sends a break for so long (0..WEIR_SERIAL_BREAK_MAX ns; 0: 250 ms); the line is as before when it
 * returns, in any case. A port that is closed meanwhile stays open for that. Suspends. WEIR_EINVAL,
 * WEIR_ENOTSUP (the port has none; a pseudo-terminal takes them for nothing), WEIR_ENOTTY,
 * WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EBADHANDLE, WEIR_EIO, WEIR_ENOTASK. */
WEIR_PUBLIC int weir_serial_break(weir_stream port, int64_t duration_ns);

/* Modem lines; bits. DTR and RTS are the own ones, the others come from the peer. */
enum weir_line {
    WEIR_LINE_DTR = 1,
    WEIR_LINE_RTS = 2,
    WEIR_LINE_CTS = 4,
    WEIR_LINE_DSR = 8,
    WEIR_LINE_DCD = 16,
    WEIR_LINE_RI = 32,
};

/* The lines that are set, and setting some and clearing others (DTR, RTS). WEIR_EINVAL (a line that
 * is not one's own, or both), WEIR_ENOTSUP (the port has none), WEIR_ENOTTY, WEIR_EBADHANDLE,
 * WEIR_EIO. Do not suspend. Any thread. */
WEIR_PUBLIC int weir_serial_lines(weir_stream port, uint32_t *out);
WEIR_PUBLIC int weir_serial_set_lines(weir_stream port, uint32_t set, uint32_t clear);

/* Waits until one of the lines of `mask` (1..63) differs from what it is in *lines, which become
 * the new ones. It looks every 5 ms, since the kernel's own wait (TIOCMIWAIT) cannot be taken back:
 * a shorter pulse is not seen, but is counted (weir_serial_count). Suspends. Errors as above,
 * WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOTASK; WEIR_EBADHANDLE also if it is closed meanwhile. */
WEIR_PUBLIC int weir_serial_await_lines(weir_stream port, uint32_t mask, uint32_t *lines);

/* What the port's driver has counted; wraps. */
struct weir_serial_counts {
    uint32_t received; /* bytes */
    uint32_t sent;     /* bytes */
    uint32_t frame;    /* bytes that ended wrongly */
    uint32_t parity;
    uint32_t breaks;
    uint32_t overrun; /* bytes that the hardware has lost */
    uint32_t lost;    /* bytes that found no room in the port's queue */
    uint32_t cts;     /* changes of a line */
    uint32_t dsr;
    uint32_t dcd;
    uint32_t ri;
};

/* WEIR_ENOTSUP (a driver that counts nothing), WEIR_ENOTTY, WEIR_EBADHANDLE. Does not suspend. Any
 * thread. */
WEIR_PUBLIC int weir_serial_count_n(weir_stream port, struct weir_serial_counts *out, size_t size);
static inline int weir_serial_count(weir_stream port, struct weir_serial_counts *out)
{
    return weir_serial_count_n(port, out, sizeof *out);
}

#ifdef __cplusplus
}
#endif
#endif
