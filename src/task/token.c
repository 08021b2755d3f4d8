/* task/token.c - see token.h and <weir/token.h>.
 *
 * A token is used by its handle, by each token below it and by each scope that is bound to it; the
 * last of these takes it out of the tree. It does not count as used by its parent: whoever finds it
 * in the parent's list tries to use it, and passes it by if its end has begun.
 *
 * A token's lock guards its lists, and the links of those in them. `parent` is set once and only
 * becomes NULL, under the parent's lock, when the token leaves the parent's list: at its end, or
 * when a cancel takes it. A cancel goes down the tree with a list of its own, made of the links of
 * the tokens that it has taken; so it needs no memory, no stack and one lock at a time.
 */
#include "task/token.h"

#include <weir/runtime.h>

#include "base/container.h"
#include "core/pool.h"
#include "sys/current.h"
#include "task/case.h"
#include "task/grant.h"
#include "task/runtime.h"
#include "task/scope.h"
#include "task/worker.h"

struct weir__token {
    uint32_t lock;
    uint32_t users;     /* 0: its end has begun */
    uint32_t cancelled; /* changed under the lock; partner: weir_token_cancelled */
    uint64_t id;
    struct weir__waitq waiters;
    struct weir__token *parent;
    struct weir__list link; /* in the parent's children, or in a cancel's list */
    struct weir__list children;
    struct weir__list scopes;
    void *spare; /* the pool's while it is free */
};

static struct weir__pool tokens = WEIR__POOL(struct weir__token);

static struct weir__token *enter(weir_token handle)
{
    return weir__named_lock(handle.id, WEIR__KIND_TOKEN);
}

static void use(struct weir__token *token)
{
    (void)WEIR_ATOMIC_ADD(&token->users, 1, RELAXED);
}

/* False if its end has begun. */
static bool try_use(struct weir__token *token)
{
    uint32_t seen = WEIR_ATOMIC_LOAD(&token->users, RELAXED);

    do {
        if (seen == 0)
            return false;
    } while (!WEIR_ATOMIC_CAS(&token->users, &seen, seen + 1, ACQUIRE));
    return true;
}

/* Takes a token out of its parent's list: the parent, which it uses no longer, or NULL if a cancel
 * has taken it. */
static struct weir__token *detach(struct weir__token *token)
{
    struct weir__token *parent = WEIR_ATOMIC_LOAD(&token->parent, ACQUIRE);

    if (!parent)
        return NULL;
    weir__lock(&parent->lock); /* it may be another token by now */
    if (WEIR_ATOMIC_LOAD(&token->parent, RELAXED) == parent) {
        WEIR_ATOMIC_STORE(&token->parent, NULL, RELAXED);
        weir__list_remove(&token->link);
    } else {
        weir__unlock(&parent->lock);
        return NULL;
    }
    weir__unlock(&parent->lock);
    return parent;
}

static void release(struct weir__token *token)
{
    while (token && WEIR_ATOMIC_SUB(&token->users, 1, ACQ_REL) == 1) {
        struct weir__token *parent = detach(token);

        weir__pool_give(&tokens, token);
        token = parent;
    }
}

/* ---- life ---- */

static int make(struct weir__token **out)
{
    struct weir__token *token = weir__pool_take(&tokens);
    int rc;

    if (!token)
        return WEIR_ENOMEM;
    weir__lock(&token->lock); /* who holds an old handle may look */
    WEIR_ATOMIC_STORE(&token->users, 1, RELAXED);
    WEIR_ATOMIC_STORE(&token->cancelled, 0, RELAXED);
    WEIR_ATOMIC_STORE(&token->parent, NULL, RELAXED);
    token->link.next = NULL;
    weir__list_init(&token->children);
    weir__list_init(&token->scopes);
    weir__unlock(&token->lock);
    rc = weir__handle_make(WEIR__KIND_TOKEN, token, &token->id);
    if (rc < 0)
        release(token);
    else
        *out = token;
    return rc;
}

int weir_token_create(weir_token *out)
{
    WEIR__CALL;
    struct weir__token *token;
    int rc = make(&token);

    if (rc == 0)
        out->id = token->id;
    return rc;
}

int weir_token_child(weir_token handle, weir_token *out)
{
    WEIR__CALL;
    struct weir__token *parent, *token;
    int rc = make(&token);

    if (rc < 0)
        return rc;
    parent = enter(handle);
    if (!parent) {
        weir__handle_free(token->id);
        release(token);
        return WEIR_EBADHANDLE;
    }
    if (parent->cancelled) {
        WEIR_ATOMIC_STORE(&token->cancelled, 1, RELEASE);
    } else {
        use(parent);
        WEIR_ATOMIC_STORE(&token->parent, parent, RELAXED);
        weir__list_push_back(&parent->children, &token->link);
    }
    out->id = token->id;
    weir__unlock(&parent->lock); /* from here on it may be destroyed, by who guesses its handle */
    return 0;
}

static void end_waits(struct weir__token *token, int result)
{
    struct weir__crowd crowd = {0};

    weir__crowd_take(&crowd, &token->waiters);
    weir__crowd_grant(&crowd, &token->lock, NULL, NULL, result);
}

void weir_token_destroy(weir_token handle)
{
    WEIR__CALL;
    struct weir__token *token = enter(handle);

    if (token) {
        weir__handle_free(handle.id);
        end_waits(token, WEIR_ECLOSED);
        release(token);
    }
}

/* ---- scopes ---- */

int weir__token_bind(weir_token handle, struct weir__scope *scope)
{
    struct weir__token *token = enter(handle);

    if (!token)
        return WEIR_EBADHANDLE;
    if (token->cancelled) {
        WEIR_ATOMIC_STORE(&scope->cancelled, 1, SEQ_CST); /* nobody is in it yet */
    } else {
        use(token);
        scope->token = token;
        weir__list_push_back(&token->scopes, &scope->bound);
    }
    weir__unlock(&token->lock);
    return 0;
}

void weir__token_unbind(struct weir__scope *scope)
{
    struct weir__token *token = scope->token;

    weir__lock(&token->lock);
    weir__list_remove(&scope->bound); /* unless a cancel has taken it, and holds the scope */
    weir__unlock(&token->lock);
    scope->token = NULL;
    release(token);
}

/* Cancels one scope that is bound, without the token's lock, which is held before and after. While
 * the scope is held its join waits, and its runtime is there. */
static void cancel_scope(struct weir__token *token, struct weir__scope *scope)
{
    struct weir__runtime *visited = weir__runtime_visit_other(scope->home->runtime);

    weir__list_remove(&scope->bound);
    weir__scope_hold(scope);
    weir__unlock(&token->lock);
    weir__scope_cancel(scope);
    weir__scope_release(scope);
    weir__runtime_leave_other(visited);
    weir__lock(&token->lock);
}

/* ---- cancelling ---- */

/* Puts the children of a token that is held and locked into a list, each used; all its other users
 * are left. */
static void take_children(struct weir__token *token, struct weir__list *out)
{
    while (!weir__list_empty(&token->children)) {
        struct weir__token *child =
            WEIR_CONTAINER_OF(token->children.next, struct weir__token, link);

        weir__list_remove(&child->link);
        if (try_use(child))
            weir__list_push_back(out, &child->link);
        WEIR_ATOMIC_STORE(&child->parent, NULL,
                          RELEASE); /* from here on its end does not come here */
        (void)WEIR_ATOMIC_SUB(&token->users, 1, RELAXED); /* not the last: the caller uses it */
    }
}

/* Cancels one token, which is locked, and used by the caller. Unlocks it. */
static void cancel_locked(struct weir__token *token, struct weir__list *below)
{
    if (token->cancelled) {
        weir__unlock(&token->lock);
        return;
    }
    WEIR_ATOMIC_STORE(&token->cancelled, 1, SEQ_CST);
    take_children(token, below);
    end_waits(token, 0); /* which unlocks it */
    weir__lock(&token->lock);
    while (!weir__list_empty(&token->scopes))
        cancel_scope(token, WEIR_CONTAINER_OF(token->scopes.next, struct weir__scope, bound));
    weir__unlock(&token->lock);
}

int weir_token_cancel(weir_token handle)
{
    WEIR__CALL;
    struct weir__token *token = enter(handle);
    struct weir__list below;

    if (!token)
        return WEIR_EBADHANDLE;
    weir__list_init(&below);
    use(token);
    cancel_locked(token, &below);
    release(token);
    while (!weir__list_empty(&below)) {
        token = WEIR_CONTAINER_OF(weir__list_pop_front(&below), struct weir__token, link);
        weir__lock(&token->lock);
        cancel_locked(token, &below);
        release(token);
    }
    return 0;
}

int weir_token_cancelled(weir_token handle)
{
    struct weir__token *token = weir__handle_peek(handle.id, WEIR__KIND_TOKEN);
    int cancelled;

    if (!token)
        return WEIR_EBADHANDLE;
    cancelled = (int)WEIR_ATOMIC_LOAD(&token->cancelled, ACQUIRE);
    return weir__handle_open(handle.id) ? cancelled : WEIR_EBADHANDLE;
}

/* ---- waiting ---- */

static int wait_for(weir_token handle)
{
    struct weir__token *token = enter(handle);
    struct weir__waiter own, *waiter;

    if (!token)
        return WEIR_EBADHANDLE;
    if (token->cancelled) {
        weir__unlock(&token->lock);
        return 0;
    }
    waiter = weir__waiter_begin(&own, "token");
    weir__waitq_push(&token->waiters, waiter);
    weir__unlock(&token->lock);
    return weir__waiter_wait(waiter, &token->waiters, &token->lock);
}

int weir_token_wait(weir_token handle)
{
    WEIR__CALL;
    int rc = weir__leaf();

    if (rc == 0)
        rc = wait_for(handle);
    return rc;
}

static bool attempt(struct weir__case *c, struct weir__task *task)
{
    int cancelled = weir_token_cancelled((weir_token){c->id});

    (void)task;
    c->result = cancelled < 0 ? cancelled : 0;
    return cancelled != 0;
}

static enum weir__case_step enlist(struct weir__case *c, struct weir__select *select)
{
    struct weir__token *token = enter((weir_token){c->id});
    enum weir__case_step step = CASE_WAITS;

    if (!token)
        return weir__case_gone(c, select, WEIR_EBADHANDLE);
    if (!token->cancelled) {
        weir__case_queue(c, select, &token->waiters, &token->lock);
    } else {
        step = weir__case_claim(c, select) ? CASE_DONE : CASE_LOST;
        c->result = step == CASE_DONE ? 0 : c->result;
    }
    weir__unlock(&token->lock);
    return step;
}

static const struct weir__case_calls calls = {.attempt = attempt, .enlist = enlist};

void weir_case_token(weir_case *out, weir_token token)
{
    weir__case_fill(out, &calls, token.id, NULL, 0);
}
