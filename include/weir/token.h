/* weir/token.h - cancellation tokens: a signal "stop" that is given once and stays.
 *
 * Tokens form trees: cancelling one cancels those below it, and nothing above. A token does nothing
 * by itself; what it stops is bound to it (a scope, by its option `token`), waits for it, or looks
 * at it. Use one where the tree of scopes is not the tree of what has to stop: one button for tasks
 * of several scopes, or the beginning of a shutdown (weir_runtime_token). All calls may be made by
 * any task and any thread.
 *
 * A handle is a value and ends with weir_token_destroy. The token stays in its tree as long as a
 * token below it or a scope needs it: a cancel from above passes through.
 */
#ifndef WEIR_TOKEN_H
#define WEIR_TOKEN_H

#include <stdint.h>

#include <weir/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_token {
    uint64_t id;
} weir_token;

/* Makes a token that has nothing above it, or one below another: the child of a cancelled token is
 * cancelled. *out gives it, released with weir_token_destroy. Do not suspend. WEIR_ENOMEM,
 * WEIR_ELIMIT; WEIR_EBADHANDLE (the parent). */
WEIR_PUBLIC int weir_token_create(weir_token *out);
WEIR_PUBLIC int weir_token_child(weir_token parent, weir_token *out);

/* Ends the handle. Cancels nothing; those who wait for it get WEIR_ECLOSED. Does not suspend, may
 * be repeated. */
WEIR_PUBLIC void weir_token_destroy(weir_token token);

/* Cancels the token and all below it, and has done so when it returns. One that comes while another
 * call does it, or after that, does nothing and does not wait: weir_token_cancelled says 1 for this
 * token by then, but scopes and tokens below may be cancelled a moment later. Wakes who waits
 * first, then cancels the scopes that are bound. Does not suspend, allocates nothing, may be
 * repeated. 0, WEIR_EBADHANDLE. */
WEIR_PUBLIC int weir_token_cancel(weir_token token);

/* 1: cancelled, 0: not, WEIR_EBADHANDLE. Takes no lock. Does not suspend. */
WEIR_PUBLIC int weir_token_cancelled(weir_token token);

/* Waits until the token is cancelled: 0. Suspends; a thread that runs no task blocks.
 * WEIR_EBADHANDLE, WEIR_ECLOSED (destroyed meanwhile), WEIR_ECANCELED (the caller is), and
 * WEIR_EDEADLINE, WEIR_ENOMEM. For a select see weir_case_token in <weir/select.h>. */
WEIR_PUBLIC int weir_token_wait(weir_token token);

#ifdef __cplusplus
}
#endif
#endif
