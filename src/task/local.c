/* task/local.c - see local.h and <weir/local.h>.
 *
 * The keys are the process's: a table that grows under a lock, and whose entries do not change. A
 * key's functions are visible to whoever has got the key.
 */
#include "task/local.h"

#include <weir/local.h>

#include "base/alloc.h"
#include "base/options.h"
#include "sys/current.h"
#include "sys/lock.h"
#include "task/task.h"

#define ROUNDS_MAX 4 /* of ending values that ending others has set */

struct weir__locals {
    void *values[WEIR_LOCAL_KEYS_MAX];
};

static struct weir_local_options keys[WEIR_LOCAL_KEYS_MAX];
static uint32_t key_count; /* partner: count */
static uint32_t keys_lock;

static uint32_t count(void)
{
    return WEIR_ATOMIC_LOAD(&key_count, ACQUIRE);
}

int weir_local_key_create_n(weir_local_key *out, const struct weir_local_options *options,
                            size_t options_size)
{
    struct weir_local_options o = {0};
    int rc = weir__options_copy(&o, sizeof o, options, options_size);

    if (rc < 0)
        return rc;
    weir__lock(&keys_lock);
    if (key_count == WEIR_LOCAL_KEYS_MAX) {
        rc = WEIR_ELIMIT;
    } else {
        keys[key_count] = o;
        out->id = key_count + 1;
        WEIR_ATOMIC_STORE(&key_count, key_count + 1, RELEASE);
    }
    weir__unlock(&keys_lock);
    return rc;
}

void *weir_local_get(weir_local_key key)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();

    if (!task || !task->locals || key.id == 0 || key.id > count())
        return NULL;
    return task->locals->values[key.id - 1];
}

int weir_local_set(weir_local_key key, void *value)
{
    WEIR__CALL;
    struct weir__task *task = weir__task_current();

    if (!task)
        return WEIR_ENOTASK;
    if (key.id == 0 || key.id > count())
        return WEIR_EINVAL;
    if (!task->locals && value)
        task->locals = weir__calloc(1, sizeof *task->locals);
    if (task->locals)
        task->locals->values[key.id - 1] = value;
    return task->locals || !value ? 0 : WEIR_ENOMEM;
}

void *weir_local_same(void *value)
{
    return value;
}

int weir__locals_inherit(const struct weir__locals *locals, struct weir__locals **out)
{
    struct weir__locals *child = NULL;
    uint32_t i;

    for (i = 0; i < count(); i++) {
        if (!keys[i].inherit || !locals->values[i])
            continue;
        if (!child)
            child = weir__calloc(1, sizeof *child);
        if (!child)
            return WEIR_ENOMEM; /* before any value was made */
        weir__current_leave();
        child->values[i] = keys[i].inherit(locals->values[i]);
        weir__current_enter();
    }
    *out = child;
    return 0;
}

void weir__locals_drop(struct weir__locals *locals)
{
    uint32_t i;

    for (i = 0; i < count(); i++) {
        if (!keys[i].destroy || !locals->values[i])
            continue;
        weir__current_leave();
        keys[i].destroy(locals->values[i]);
        weir__current_enter();
    }
    weir__free(locals);
}

/* Ends the values that are there; how many there were. */
static uint32_t end_round(struct weir__locals *locals)
{
    uint32_t i, ended = 0;

    for (i = 0; i < count(); i++) {
        void *value = locals->values[i];

        locals->values[i] = NULL;
        if (!value || !keys[i].destroy)
            continue;
        weir__current_leave();
        keys[i].destroy(value);
        weir__current_enter();
        ended++;
    }
    return ended;
}

void weir__locals_end(struct weir__task *task)
{
    uint32_t rounds = 0;

    while (rounds++ < ROUNDS_MAX && end_round(task->locals))
        ;
    weir__free(task->locals);
    task->locals = NULL;
}
