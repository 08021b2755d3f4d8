/* weir/tty.h - terminals: modes, size, colours.
 *
 * Terminals are streams (<weir/pipe.h>): weir_standard gives those of the program, a process with a
 * terminal of its own (<weir/process.h>) the upper end of that. A terminal whose mode was changed
 * gets its own mode back whenever the program lets go of it: with weir_tty_mode, when the runtime
 * ends, by exit(3), and when one of the signals that end a process does so. SIGKILL alone cannot be
 * helped.
 */
#ifndef WEIR_TTY_H
#define WEIR_TTY_H

#include <stdint.h>

#include <weir/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_tty_mode {
    WEIR_TTY_NORMAL = 0, /* as it was before weir changed it: lines, echo, signals by keys */
    WEIR_TTY_CBREAK = 1, /* each key at once and without echo; Ctrl-C still interrupts */
    WEIR_TTY_RAW = 2,    /* bytes as they are, in both directions */
};

/* Sets the mode of the terminal behind a stream. When it is first changed the mode that it had is
 * kept, for NORMAL and for all ends, and a copy of the descriptor till then: the other end of a
 * pseudo-terminal sees no end before. Does not suspend, but waits until what was written is sent.
 * By a task. WEIR_ENOTTY (no terminal), WEIR_EINVAL, WEIR_EBADHANDLE, WEIR_EMFILE, WEIR_ELIMIT (8
 * changed terminals), WEIR_EIO, WEIR_ENOTASK. termios(3) */
WEIR_PUBLIC int weir_tty_mode(weir_stream stream, enum weir_tty_mode mode);

/* Puts all terminals back into their normal modes. Does not suspend, cannot fail. Any thread, also
 * in a signal handler, in a fatal hook or before _exit(2). */
WEIR_PUBLIC void weir_tty_restore(void);

struct weir_tty_window {
    uint16_t rows;
    uint16_t columns;
};

/* The size of the window, and setting it, which tells those who run in it. WEIR_ENOTTY,
 * WEIR_EBADHANDLE. Do not suspend. Any thread. */
WEIR_PUBLIC int weir_tty_size(weir_stream stream, struct weir_tty_window *out);
WEIR_PUBLIC int weir_tty_resize(weir_stream stream, struct weir_tty_window size);

/* Waits until the size differs from *size, which becomes the new one. Suspends. Errors as of
 * weir_tty_size and weir_signals_open (SIGWINCH), WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOTASK. */
WEIR_PUBLIC int weir_tty_await_resize(weir_stream stream, struct weir_tty_window *size);

/* Whether the stream is a terminal: 1 or 0. WEIR_EBADHANDLE. Does not suspend. Any thread. */
WEIR_PUBLIC int weir_tty_is(weir_stream stream);

enum weir_tty_colours {
    WEIR_TTY_COLOURS_NONE = 0,
    WEIR_TTY_COLOURS_16 = 1,
    WEIR_TTY_COLOURS_256 = 2,
    WEIR_TTY_COLOURS_TRUE = 3, /* 24 bits */
};

/* What colours to write to the stream, by what it is and the environment says (NO_COLOR,
 * CLICOLOR_FORCE, COLORTERM, TERM): enum weir_tty_colours. WEIR_EBADHANDLE. Does not suspend. Any
 * thread. */
WEIR_PUBLIC int weir_tty_colours(weir_stream stream);

#ifdef __cplusplus
}
#endif
#endif
