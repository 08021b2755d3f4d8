/* stream/script.c - a stream whose peer is a script; see <weir/script.h>.
 *
 * Everything is guarded by the script's lock. `step` and `done` say how far it is; a step that is
 * done wakes whoever waits. After a mismatch nothing moves any more.
 */
#include <string.h>
#include <weir/script.h>

#include "base/alloc.h"
#include "base/line.h"
#include "stream/pause.h"
#include "stream/stream.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "task/grant.h"
#include "task/worker.h"

#define QUOTED_MAX 24 /* bytes in a message */

_Static_assert(WEIR_SCRIPT_TEXT_MAX >= WEIR__LINE_BYTES, "a line fits");

struct script {
    uint32_t lock;
    bool failed, stopped;
    const struct weir_script_step *steps;
    size_t count, step, done;
    uint64_t since_ns; /* when the step began */
    struct weir__waitq readers, writers;
    const char *came; /* of a failed one: what came instead, as words */
    unsigned char got[QUOTED_MAX];
    size_t got_len;
};

/* ---- how far it is; under the lock ---- */

static void wake_all(struct script *script, struct weir__wakes *wakes)
{
    struct weir__waiter *reader = weir__claim_first(&script->readers);
    struct weir__waiter *writer = weir__claim_first(&script->writers);

    if (reader)
        weir__wakes_grant(wakes, reader, 0);
    if (writer)
        weir__wakes_grant(wakes, writer, 0);
}

static void next_step(struct script *script, uint64_t now_ns)
{
    script->step++;
    script->done = 0;
    script->since_ns = now_ns;
}

/* Passes the waits that are over. The step that is next, or NULL at the end; *until_ns is when to
 * look again if that is a wait. */
static const struct weir_script_step *current(struct script *script, uint64_t *until_ns)
{
    uint64_t now_ns = weir__now_ns();

    *until_ns = WEIR__PAUSE_ANY;
    while (script->step < script->count) {
        const struct weir_script_step *step = &script->steps[script->step];

        if (step->kind != WEIR_SCRIPT_WAIT)
            return step;
        *until_ns = weir__time_later(script->since_ns, step->wait_ns);
        if (*until_ns > now_ns)
            return step;
        next_step(script, *until_ns);
        *until_ns = WEIR__PAUSE_ANY;
    }
    return NULL;
}

static int mismatch(struct script *script, struct weir__wakes *wakes, const char *came,
                    const unsigned char *bytes, size_t len)
{
    script->failed = true;
    script->came = came;
    script->got_len = len < QUOTED_MAX ? len : QUOTED_MAX;
    if (len)
        memcpy(script->got, bytes, script->got_len);
    wake_all(script, wakes);
    return WEIR_ESCRIPT;
}

static int fail_step(struct script *script, struct weir__wakes *wakes)
{
    int code = script->steps[script->step].code;

    next_step(script, weir__now_ns());
    wake_all(script, wakes);
    return code;
}

/* ---- reading ---- */

/* Whether a read need not wait; else `until_ns` is when to look again. */
static bool readable(struct script *script, uint64_t *until_ns)
{
    const struct weir_script_step *step = current(script, until_ns);

    return script->failed || script->stopped || !step || step->kind == WEIR_SCRIPT_GIVE
           || step->kind == WEIR_SCRIPT_FAIL || step->kind == WEIR_SCRIPT_END;
}

static ptrdiff_t give(struct script *script, void *out, size_t len, struct weir__wakes *wakes)
{
    const struct weir_script_step *step = &script->steps[script->step];
    size_t n = step->len - script->done;

    n = n < len ? n : len;
    memcpy(out, (const unsigned char *)step->bytes + script->done, n);
    script->done += n;
    if (script->done == step->len) {
        next_step(script, weir__now_ns());
        wake_all(script, wakes);
    }
    return (ptrdiff_t)n;
}

static ptrdiff_t read_step(struct script *script, void *out, size_t len, struct weir__wakes *wakes)
{
    if (script->failed)
        return WEIR_ESCRIPT;
    if (script->step == script->count || script->stopped)
        return 0;
    if (script->steps[script->step].kind == WEIR_SCRIPT_GIVE)
        return give(script, out, len, wakes);
    if (script->steps[script->step].kind == WEIR_SCRIPT_FAIL)
        return fail_step(script, wakes);
    next_step(script, weir__now_ns());
    wake_all(script, wakes);
    return 0;
}

static ptrdiff_t script_read(struct weir__stream *stream, struct weir__task *task, void *out,
                             size_t len)
{
    struct script *script = stream->object;
    struct weir__wakes wakes;
    uint64_t until_ns;
    int rc = weir__leaf_of(task);

    wakes.count = 0;
    while (rc == 0) {
        weir__lock(&script->lock);
        if (readable(script, &until_ns)) {
            ptrdiff_t n = read_step(script, out, len, &wakes);

            weir__wakes_release(&wakes, &script->lock);
            return n;
        }
        rc = weir__pause_in(&script->lock, &script->readers, until_ns, "read");
    }
    return rc;
}

static int script_await_bytes(struct weir__stream *stream, struct weir__task *task)
{
    struct script *script = stream->object;
    uint64_t until_ns;
    int rc = weir__leaf_of(task);

    while (rc == 0) {
        weir__lock(&script->lock);
        if (readable(script, &until_ns)) {
            weir__unlock(&script->lock);
            return 0;
        }
        rc = weir__pause_in(&script->lock, &script->readers, until_ns, "read");
    }
    return rc;
}

/* ---- writing ---- */

static ptrdiff_t expect(struct script *script, const unsigned char *bytes, size_t len,
                        struct weir__wakes *wakes)
{
    const struct weir_script_step *step = &script->steps[script->step];
    const unsigned char *wanted = (const unsigned char *)step->bytes + script->done;
    size_t i, n = step->len - script->done;

    n = n < len ? n : len;
    for (i = 0; i < n && bytes[i] == wanted[i]; i++)
        script->done++;
    if (i < n)
        return mismatch(script, wakes, "a write of ", bytes + i, len - i);
    if (script->done == step->len) {
        next_step(script, weir__now_ns());
        wake_all(script, wakes);
    }
    return (ptrdiff_t)n;
}

/* What a write comes to now, when no wait is under way. */
static ptrdiff_t write_step(struct script *script, const struct weir_script_step *step,
                            const void *bytes, size_t len, struct weir__wakes *wakes)
{
    if (script->failed)
        return WEIR_ESCRIPT;
    if (script->stopped)
        return WEIR_EPIPE;
    if (step && step->kind == WEIR_SCRIPT_EXPECT)
        return expect(script, bytes, len, wakes);
    if (step && step->kind == WEIR_SCRIPT_FAIL)
        return fail_step(script, wakes);
    return mismatch(script, wakes, "a write of ", bytes, len);
}

static ptrdiff_t script_write(struct weir__stream *stream, struct weir__task *task,
                              const void *bytes, size_t len)
{
    struct script *script = stream->object;
    struct weir__wakes wakes;
    int rc = weir__leaf_of(task);

    wakes.count = 0;
    while (rc == 0) {
        const struct weir_script_step *step;
        uint64_t until_ns;

        weir__lock(&script->lock);
        step = current(script, &until_ns);
        if (until_ns == WEIR__PAUSE_ANY || script->failed || script->stopped) {
            ptrdiff_t n = write_step(script, step, bytes, len, &wakes);

            weir__wakes_release(&wakes, &script->lock);
            return n;
        }
        rc = weir__pause_in(&script->lock, &script->writers, until_ns, "write");
    }
    return rc;
}

static int script_shutdown(struct weir__stream *stream)
{
    struct script *script = stream->object;
    const struct weir_script_step *step;
    struct weir__wakes wakes;
    uint64_t until_ns;
    int rc = 0;

    wakes.count = 0;
    weir__lock(&script->lock);
    step = current(script, &until_ns);
    if (script->failed) {
        rc = WEIR_ESCRIPT;
    } else if (step && step->kind == WEIR_SCRIPT_SHUTDOWN) {
        next_step(script, weir__now_ns());
        wake_all(script, &wakes);
    } else if (step) {
        rc = mismatch(script, &wakes, "a shutdown", NULL, 0);
    }
    weir__wakes_release(&wakes, &script->lock);
    return rc;
}

/* ---- being closed ---- */

static void script_stop(struct weir__stream *stream)
{
    struct script *script = stream->object;
    struct weir__wakes wakes;

    wakes.count = 0;
    weir__lock(&script->lock);
    script->stopped = true;
    wake_all(script, &wakes);
    weir__wakes_release(&wakes, &script->lock);
}

static void script_release(struct weir__stream *stream)
{
    weir__free(stream->object);
}

static const struct weir__stream_kind script_kind = {
    .read = script_read,
    .await_bytes = script_await_bytes,
    .write = script_write,
    .shutdown = script_shutdown,
    .stop = script_stop,
    .release = script_release,
};

/* ---- being made ---- */

static bool makes_sense(const struct weir_script_step *step)
{
    switch (step->kind) {
    case WEIR_SCRIPT_EXPECT:
    case WEIR_SCRIPT_GIVE:
        return step->bytes && step->len;
    case WEIR_SCRIPT_WAIT:
        return step->wait_ns >= 0;
    case WEIR_SCRIPT_FAIL:
        return step->code < 0;
    case WEIR_SCRIPT_END:
    case WEIR_SCRIPT_SHUTDOWN:
        return true;
    }
    return false;
}

int weir_script_open(weir_stream *out, const struct weir_script_step *steps, size_t count)
{
    WEIR__CALL;
    struct weir__worker *worker = weir__current_worker();
    struct weir__stream *stream;
    struct script *script;
    size_t i;
    int rc;

    for (i = 0; i < count; i++) {
        if (!makes_sense(&steps[i]))
            return WEIR_EINVAL;
    }
    if (!worker)
        return WEIR_ENOTASK;
    script = weir__calloc(1, sizeof *script);
    if (!script)
        return WEIR_ENOMEM;
    script->steps = steps;
    script->count = count;
    script->since_ns = weir__now_ns();
    rc = weir__stream_make_other(worker, &script_kind, script, &stream);
    if (rc < 0)
        weir__free(script);
    else
        out->id = stream->id;
    return rc;
}

/* ---- telling ---- */

static void add_quoted(struct weir__line *line, const unsigned char *bytes, size_t len)
{
    size_t i;

    weir__line_add(line, "\"");
    for (i = 0; i < len && i < QUOTED_MAX; i++) {
        const char plain[2] = {(char)bytes[i], 0};

        if (bytes[i] == '\n') {
            weir__line_add(line, "\\n");
        } else if (bytes[i] == '\r') {
            weir__line_add(line, "\\r");
        } else if (bytes[i] >= ' ' && bytes[i] < 0x7f) {
            weir__line_add(line, plain);
        } else {
            weir__line_add(line, bytes[i] < 16 ? "\\x0" : "\\x");
            weir__line_add_digits(line, bytes[i], 16);
        }
    }
    weir__line_add(line, i < len ? "\"..." : "\"");
}

static void add_wanted(struct weir__line *line, const struct weir_script_step *step, size_t done)
{
    static const char *const words[] = {"a write of ",    "a read of ",        "a time to pass",
                                        "a call to fail", "a read at the end", "a shutdown"};

    weir__line_add(line, words[step->kind]);
    if (step->kind == WEIR_SCRIPT_EXPECT || step->kind == WEIR_SCRIPT_GIVE)
        add_quoted(line, (const unsigned char *)step->bytes + done, step->len - done);
}

/* Under the lock. */
static void describe(const struct script *script, struct weir__line *line)
{
    weir__line_init(line);
    if (!script->failed && script->step == script->count) {
        weir__line_add(line, "the script is done");
        return;
    }
    weir__line_add(line, "step ");
    weir__line_add_number(line, script->step);
    if (script->done) {
        weir__line_add(line, ", byte ");
        weir__line_add_number(line, script->done);
    }
    weir__line_add(line, ": wants ");
    if (script->step < script->count)
        add_wanted(line, &script->steps[script->step], script->done);
    else
        weir__line_add(line, "nothing more");
    if (!script->failed)
        return;
    weir__line_add(line, ", came ");
    weir__line_add(line, script->came);
    if (script->got_len)
        add_quoted(line, script->got, script->got_len);
}

int weir_script_state(weir_stream handle, struct weir_script_report *state)
{
    WEIR__CALL;
    int error;
    struct weir__stream *stream = weir__stream_enter(handle, 0, &error);
    struct script *script;
    struct weir__line line;

    if (!stream)
        return error;
    if (!stream->other || stream->kind != &script_kind) {
        weir__stream_leave(stream, 0);
        return WEIR_EBADHANDLE;
    }
    script = stream->object;
    weir__lock(&script->lock);
    describe(script, &line);
    *state = (struct weir_script_report){
        .step = script->step, .done = script->done, .failed = script->failed};
    weir__unlock(&script->lock);
    weir__stream_leave(stream, 0);
    memcpy(state->text, line.text, line.len + 1);
    return 0;
}
