/* weir/script.h - a stream for tests whose peer is a script.
 *
 * A script is a row of steps. What the program writes has to be what an EXPECT step says, in
 * whatever parts; its reads get what the GIVE steps hold. A read waits while the script expects
 * bytes; a write that comes when nothing is expected, or differs, fails the script: it returns
 * WEIR_ESCRIPT, as do all calls after it, and weir_script_state says at which step and what came
 * instead. A script whose steps are all done reads as ended, and expects nothing more.
 */
#ifndef WEIR_SCRIPT_H
#define WEIR_SCRIPT_H

#include <weir/stream.h>
#include <weir/time.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_script_kind {
    WEIR_SCRIPT_EXPECT = 0,   /* `len` bytes are written, 1 or more */
    WEIR_SCRIPT_GIVE = 1,     /* `len` bytes are read, 1 or more */
    WEIR_SCRIPT_WAIT = 2,     /* `wait_ns` pass from the end of the step before */
    WEIR_SCRIPT_FAIL = 3,     /* the next read or write fails with `code`, a negative one */
    WEIR_SCRIPT_END = 4,      /* a read gets the end; the script goes on */
    WEIR_SCRIPT_SHUTDOWN = 5, /* weir_shutdown is called; reads wait for it */
};

struct weir_script_step {
    enum weir_script_kind kind;
    const void *bytes;
    size_t len;
    int64_t wait_ns;
    int code;
};

#define WEIR_SCRIPT_TEXT_MAX 256

struct weir_script_report {
    size_t step; /* from 0: the one that has failed or is not done; all of them: the script is */
    size_t done; /* bytes of it that were written or read */
    bool failed;
    char text[WEIR_SCRIPT_TEXT_MAX]; /* one line about that, which ends with a zero */
};

/* Makes a stream with `count` steps, which are borrowed with their bytes until it is closed and no
 * call is under way. Gives the stream; it is no socket. Does not suspend. WEIR_ENOTASK,
 * WEIR_EINVAL: a step makes no sense; WEIR_ENOMEM, WEIR_ELIMIT (handles). */
WEIR_PUBLIC int weir_script_open(weir_stream *out, const struct weir_script_step *steps,
                                 size_t count);

/* How far it is. Gives *state. Does not suspend. Any thread. WEIR_EBADHANDLE: it is closed, or no
 * script. */
WEIR_PUBLIC int weir_script_state(weir_stream stream, struct weir_script_report *state);

#ifdef __cplusplus
}
#endif
#endif
