/* test/unit/core_pool.c - memory that stays of one kind: stale pointers still find a lock. */
#include "test.h"

#include <pthread.h>

#include "core/handle.h"
#include "core/pool.h"
#include "sys/lock.h"

#define KIND WEIR__KIND_STREAM

struct object {
    uint32_t lock;
    uint64_t id; /* guarded by the lock; 0: free */
    uint64_t uses;
    void *last;
};

static struct weir__pool pool = WEIR__POOL(struct object);

TEST(an_object_is_taken_again_after_it_was_given)
{
    struct object *first = weir__pool_take(&pool), *second = weir__pool_take(&pool);

    assert_non_null(first);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
    assert_int_equal(first->lock, 0);
    weir__pool_give(&pool, first);
    assert_ptr_equal(weir__pool_take(&pool), first);
    weir__pool_give(&pool, second);
    weir__pool_give(&pool, first);
}

#define SHARED  3
#define THREADS 3
#define ROUNDS  20000

static uint64_t shared_ids[SHARED];
static uint32_t mistaken;

static struct object *object_lock(uint64_t id)
{
    struct object *object = weir__handle_peek(id, KIND);

    if (!object)
        return NULL;
    weir__lock(&object->lock);
    if (weir__handle_open(id)) {
        if (object->id != id)
            (void)__atomic_add_fetch(&mistaken, 1, __ATOMIC_SEQ_CST);
        return object;
    }
    weir__unlock(&object->lock);
    return NULL;
}

static uint64_t make(void)
{
    struct object *object = weir__pool_take(&pool);
    uint64_t id;

    if (!object || weir__handle_make(KIND, object, &id) < 0)
        return 0;
    weir__lock(&object->lock);
    object->id = id;
    weir__unlock(&object->lock);
    return id;
}

static void end(uint64_t id)
{
    struct object *object = object_lock(id);

    if (!object)
        return;
    weir__handle_free(id);
    object->id = 0;
    weir__unlock(&object->lock);
    weir__pool_give(&pool, object);
}

static void *use_and_replace(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        int at = (int)((seed = seed * 1103515245 + 12345) >> 16) % SHARED;
        uint64_t id = __atomic_load_n(&shared_ids[at], __ATOMIC_SEQ_CST);
        struct object *object;

        if (seed >> 29 == 0) {
            end(__atomic_exchange_n(&shared_ids[at], 0, __ATOMIC_SEQ_CST));
            end(__atomic_exchange_n(&shared_ids[at], make(), __ATOMIC_SEQ_CST));
        } else if ((object = object_lock(id))) {
            object->uses++;
            weir__unlock(&object->lock);
        }
    }
    return NULL;
}

TEST(a_handle_that_is_open_under_the_lock_names_its_object)
{
    pthread_t threads[THREADS];
    uint64_t live = weir__handle_live();
    uintptr_t i;

    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_and_replace, (void *)(i + 1)), 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (i = 0; i < SHARED; i++)
        end(shared_ids[i]);
    assert_int_equal(mistaken, 0);
    assert_true(weir__handle_live() == live);
}
