/* test/unit/core_handle.c - handles: generations, pins, bits and closing, also from threads. */
#include "test.h"

#include <pthread.h>
#include <weir/error.h>

#include "core/handle.h"

#define KIND WEIR__KIND_STREAM

TEST(handle_resolves_until_it_is_closed)
{
    int object, error = 0;
    uint64_t id, live = weir__handle_live(), streams = weir__handle_live_of(KIND);
    uint32_t in_use = 9;
    void *closed = NULL;

    assert_int_equal(weir__handle_make(KIND, &object, &id), 0);
    assert_true(id != 0);
    assert_true(weir__handle_live() == live + 1);
    assert_true(weir__handle_live_of(KIND) == streams + 1);
    assert_ptr_equal(weir__handle_enter(id, KIND, 0, &error), &object);
    assert_false(weir__handle_leave(id, 0));
    assert_null(weir__handle_enter(id, WEIR__KIND_LISTENER, 0, &error));
    assert_int_equal(error, WEIR_EBADHANDLE);
    assert_int_equal(weir__handle_close(id, WEIR__KIND_LISTENER, &in_use, &closed), 0);
    assert_int_equal(weir__handle_close(id, KIND, &in_use, &closed), 1);
    assert_int_equal(in_use, 0);
    assert_ptr_equal(closed, &object);
    assert_null(weir__handle_enter(id, KIND, 0, &error));
    assert_int_equal(weir__handle_close(id, KIND, &in_use, &closed), 0);
    weir__handle_free(id);
    assert_true(weir__handle_live() == live);
    assert_true(weir__handle_live_of(KIND) == streams);
}

TEST(bits_are_exclusive_and_the_last_to_leave_is_told)
{
    int object, error = 0;
    uint64_t id;
    uint32_t in_use;
    void *closed;

    assert_int_equal(weir__handle_make(KIND, &object, &id), 0);
    assert_non_null(weir__handle_enter(id, KIND, WEIR__HANDLE_READER, &error));
    assert_non_null(weir__handle_enter(id, KIND, WEIR__HANDLE_WRITER, &error));
    assert_null(weir__handle_enter(id, KIND, WEIR__HANDLE_READER, &error));
    assert_int_equal(error, WEIR_EBUSY);
    assert_non_null(weir__handle_enter(id, KIND, 0, &error));
    assert_false(weir__handle_closed(id));
    assert_int_equal(weir__handle_close(id, KIND, &in_use, &closed), 1);
    assert_int_equal(in_use, WEIR__HANDLE_READER | WEIR__HANDLE_WRITER | 1);
    assert_true(weir__handle_closed(id));
    assert_false(weir__handle_leave(id, WEIR__HANDLE_READER));
    assert_false(weir__handle_leave(id, 0));
    assert_true(weir__handle_leave(id, WEIR__HANDLE_WRITER));
    weir__handle_free(id);
}

TEST(ids_that_never_were_are_refused)
{
    static const uint64_t ids[] = {0,
                                   1,
                                   UINT64_MAX,
                                   1ull << 56,
                                   1ull << 56 | 0xfffffeull << 32,
                                   2ull << 56 | 1,
                                   1ull << 56 | 0xffffffull << 32 | 1};
    int error;
    uint32_t in_use;
    void *object;
    size_t i;

    for (i = 0; i < sizeof ids / sizeof *ids; i++) {
        error = 0;
        assert_null(weir__handle_enter(ids[i], KIND, 0, &error));
        assert_int_equal(error, WEIR_EBADHANDLE);
        assert_int_equal(weir__handle_close(ids[i], KIND, &in_use, &object), 0);
    }
}

TEST(a_slot_that_is_used_again_has_another_id)
{
    int object, error;
    uint64_t first, id;
    uint32_t in_use;
    void *closed;
    int i;

    assert_int_equal(weir__handle_make(KIND, &object, &first), 0);
    weir__handle_close(first, KIND, &in_use, &closed);
    weir__handle_free(first);
    for (i = 0; i < 5000; i++) {
        assert_int_equal(weir__handle_make(KIND, &object, &id), 0);
        assert_true(id != first);
        assert_null(weir__handle_enter(first, KIND, 0, &error));
        weir__handle_close(id, KIND, &in_use, &closed);
        weir__handle_free(id);
    }
}

#define SHARED  4
#define THREADS 4

struct object {
    uint32_t alive;
};

static uint64_t shared_ids[SHARED];
static struct object objects[100000];
static uint32_t objects_used, released, entered_dead;

static void replace(int at)
{
    uint32_t number = __atomic_fetch_add(&objects_used, 1, __ATOMIC_SEQ_CST);
    uint64_t id;

    if (number >= sizeof objects / sizeof *objects)
        return;
    __atomic_store_n(&objects[number].alive, 1, __ATOMIC_SEQ_CST);
    if (weir__handle_make(KIND, &objects[number], &id) == 0)
        __atomic_store_n(&shared_ids[at], id, __ATOMIC_SEQ_CST);
}

static void release(uint64_t id, struct object *object)
{
    __atomic_store_n(&object->alive, 0, __ATOMIC_SEQ_CST);
    weir__handle_free(id);
    (void)__atomic_add_fetch(&released, 1, __ATOMIC_SEQ_CST);
}

static void *use_handles(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    int i;

    for (i = 0; i < 20000; i++) {
        int at = (int)((seed = seed * 1103515245 + 12345) >> 16) % SHARED, error;
        uint64_t id = __atomic_load_n(&shared_ids[at], __ATOMIC_SEQ_CST);
        uint32_t bits = seed >> 30 == 0 ? WEIR__HANDLE_READER : 0, in_use;
        struct object *object;
        void *closed;

        if ((seed >> 20) % 8 == 0) {
            if (weir__handle_close(id, KIND, &in_use, &closed) == 1) {
                if (in_use == 0)
                    release(id, closed);
                replace(at);
            }
            continue;
        }
        object = weir__handle_enter(id, KIND, bits, &error);
        if (!object)
            continue;
        if (!__atomic_load_n(&object->alive, __ATOMIC_SEQ_CST))
            (void)__atomic_add_fetch(&entered_dead, 1, __ATOMIC_SEQ_CST);
        if (weir__handle_leave(id, bits))
            release(id, object);
    }
    return NULL;
}

TEST(threads_never_meet_a_released_object)
{
    pthread_t threads[THREADS];
    uint64_t live = weir__handle_live();
    uintptr_t i;

    for (i = 0; i < SHARED; i++)
        replace((int)i);
    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_handles, (void *)(i + 1)), 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (i = 0; i < SHARED; i++) {
        uint32_t in_use;
        void *closed;

        if (weir__handle_close(shared_ids[i], KIND, &in_use, &closed) == 1) {
            assert_int_equal(in_use, 0);
            release(shared_ids[i], closed);
        }
    }
    assert_int_equal(entered_dead, 0);
    assert_int_equal(released, objects_used);
    assert_true(weir__handle_live() == live);
}

TEST(peek_names_the_object_until_the_handle_is_freed)
{
    int object;
    uint64_t id, live = weir__handle_live();

    assert_int_equal(weir__handle_make(KIND, &object, &id), 0);
    assert_ptr_equal(weir__handle_peek(id, KIND), &object);
    assert_true(weir__handle_open(id));
    assert_null(weir__handle_peek(id, WEIR__KIND_LISTENER));
    weir__handle_free(id);
    assert_null(weir__handle_peek(id, KIND));
    assert_false(weir__handle_open(id));
    assert_null(weir__handle_peek(0, KIND));
    assert_false(weir__handle_open(0));
    assert_false(weir__handle_open(UINT64_MAX));
    assert_true(weir__handle_live() == live);
}

TEST(a_renewed_handle_is_another_one_of_the_same_object)
{
    int object;
    uint64_t id, next, live = weir__handle_live();

    assert_int_equal(weir__handle_make(KIND, &object, &id), 0);
    next = weir__handle_renew(id);
    assert_true(next != id);
    assert_null(weir__handle_peek(id, KIND));
    assert_false(weir__handle_open(id));
    assert_ptr_equal(weir__handle_peek(next, KIND), &object);
    assert_true(weir__handle_open(next));
    weir__handle_free(next);
    assert_false(weir__handle_open(next));
    assert_true(weir__handle_live() == live);
}
