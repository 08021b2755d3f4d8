/* test/unit/core_handle.c - handles that are used, closed and used again, by one and by many. */
#include "core/handle.h"

#include <pthread.h>
#include <stdlib.h>
#include <weir/error.h>

#include "base/atomic.h"
#include "test.h"

enum {
    THREADS = 4,
    SHARED = 16,
    STEPS = 30000
};

static int object;

static uint64_t make(void)
{
    uint64_t id = 0;

    assert_int_equal(weir__handle_make(WEIR__KIND_STREAM, &object, &id), 0);
    assert_true(id != 0);
    return id;
}

static int enter_error(uint64_t id, enum weir__handle_kind kind, uint32_t bits)
{
    int error = 0;

    return weir__handle_enter(id, kind, bits, &error) ? 0 : error;
}

static void close_last(uint64_t id)
{
    uint32_t in_use = 1;
    void *at = NULL;

    assert_int_equal(weir__handle_close(id, WEIR__KIND_STREAM, &in_use, &at), 1);
    assert_int_equal(in_use, 0);
    assert_ptr_equal(at, &object);
    weir__handle_free(id);
}

TEST(ids_that_never_were_are_bad_handles)
{
    uint32_t in_use;
    void *at;

    assert_int_equal(enter_error(0, WEIR__KIND_STREAM, 0), WEIR_EBADHANDLE);
    assert_int_equal(enter_error(UINT64_MAX, WEIR__KIND_STREAM, 0), WEIR_EBADHANDLE);
    assert_int_equal(enter_error((uint64_t)WEIR__KIND_STREAM << 56 | 0xffffff00000001,
                                 WEIR__KIND_STREAM, 0),
                     WEIR_EBADHANDLE);
    assert_int_equal(weir__handle_close(0, WEIR__KIND_STREAM, &in_use, &at), 0);
}

TEST(a_slot_admits_one_reader_and_one_writer)
{
    uint64_t id = make();

    assert_int_equal(enter_error(id, WEIR__KIND_LISTENER, 0), WEIR_EBADHANDLE);
    assert_int_equal(enter_error(id, WEIR__KIND_STREAM, WEIR__HANDLE_READER), 0);
    assert_int_equal(enter_error(id, WEIR__KIND_STREAM, WEIR__HANDLE_READER), WEIR_EBUSY);
    assert_int_equal(enter_error(id, WEIR__KIND_STREAM, WEIR__HANDLE_WRITER), 0);
    assert_int_equal(enter_error(id, WEIR__KIND_STREAM, 0), 0);
    assert_false(weir__handle_closed(id));
    assert_false(weir__handle_leave(id, WEIR__HANDLE_READER));
    assert_false(weir__handle_leave(id, WEIR__HANDLE_WRITER));
    assert_false(weir__handle_leave(id, 0));
    close_last(id);
}

TEST(the_last_to_leave_after_close_is_told_so)
{
    uint64_t id = make(), live = weir__handle_live();
    uint32_t in_use = 0;
    void *at;

    assert_int_equal(enter_error(id, WEIR__KIND_STREAM, WEIR__HANDLE_READER), 0);
    assert_int_equal(enter_error(id, WEIR__KIND_STREAM, 0), 0);
    assert_int_equal(weir__handle_close(id, WEIR__KIND_STREAM, &in_use, &at), 1);
    assert_int_equal(in_use, WEIR__HANDLE_READER | 1);
    assert_true(weir__handle_closed(id));
    assert_int_equal(weir__handle_close(id, WEIR__KIND_STREAM, &in_use, &at), 0);
    assert_int_equal(enter_error(id, WEIR__KIND_STREAM, WEIR__HANDLE_WRITER), WEIR_EBADHANDLE);
    assert_false(weir__handle_leave(id, WEIR__HANDLE_READER));
    assert_true(weir__handle_leave(id, 0));
    weir__handle_free(id);
    assert_int_equal(weir__handle_live(), live - 1);
}

TEST(a_stale_id_is_refused_after_its_slot_is_used_again)
{
    uint64_t old = make(), id;
    uint32_t in_use;
    void *at;

    close_last(old);
    id = make();
    assert_int_equal(id >> 32, old >> 32);
    assert_true(id != old);
    assert_int_equal(enter_error(old, WEIR__KIND_STREAM, 0), WEIR_EBADHANDLE);
    assert_int_equal(weir__handle_close(old, WEIR__KIND_STREAM, &in_use, &at), 0);
    assert_int_equal(enter_error(id, WEIR__KIND_STREAM, 0), 0);
    assert_false(weir__handle_leave(id, 0));
    close_last(id);
}

TEST(thousands_are_open_at_once)
{
    enum { COUNT = 5000 };
    uint64_t *ids = calloc(COUNT, sizeof *ids), before = weir__handle_live();

    assert_non_null(ids);
    for (int i = 0; i < COUNT; i++)
        ids[i] = make();
    assert_int_equal(weir__handle_live(), before + COUNT);
    for (int i = 0; i < COUNT; i++)
        close_last(ids[i]);
    assert_int_equal(weir__handle_live(), before);
    free(ids);
}

/* ---- many threads at a few shared handles ---- */

struct thing {
    uint64_t alive; /* a magic number while it lives; the sanitizers see use after free */
};

static uint64_t ids[SHARED];
static uint64_t made, released, wrong;

static void release(uint64_t id, struct thing *thing)
{
    (void)WEIR_ATOMIC_ADD(&released, 1, RELAXED);
    free(thing);
    weir__handle_free(id);
}

static void open_one(uint64_t *slot)
{
    struct thing *thing = malloc(sizeof *thing);
    uint64_t id;

    thing->alive = 0x600d;
    if (weir__handle_make(WEIR__KIND_STREAM, thing, &id) < 0) {
        free(thing);
        return;
    }
    (void)WEIR_ATOMIC_ADD(&made, 1, RELAXED);
    WEIR_ATOMIC_STORE(slot, id, SEQ_CST);
}

static void use_one(uint64_t id, uint32_t bits)
{
    int error;
    struct thing *thing = weir__handle_enter(id, WEIR__KIND_STREAM, bits, &error);

    if (!thing) {
        if (error != WEIR_EBADHANDLE && error != WEIR_EBUSY)
            (void)WEIR_ATOMIC_ADD(&wrong, 1, RELAXED);
        return;
    }
    if (thing->alive != 0x600d)
        (void)WEIR_ATOMIC_ADD(&wrong, 1, RELAXED);
    if (weir__handle_leave(id, bits))
        release(id, thing);
}

static bool close_one(uint64_t id)
{
    uint32_t in_use;
    void *thing;

    if (weir__handle_close(id, WEIR__KIND_STREAM, &in_use, &thing) != 1)
        return false;
    if (!in_use)
        release(id, thing);
    return true;
}

static void *misuse(void *arg)
{
    static const uint32_t bits[] = {0, WEIR__HANDLE_READER, WEIR__HANDLE_WRITER,
                                    WEIR__HANDLE_READER | WEIR__HANDLE_WRITER};
    unsigned state = (unsigned)(uintptr_t)arg;
    uint64_t stale = 0;

    for (int i = 0; i < STEPS; i++) {
        uint64_t *slot = &ids[rand_r(&state) % SHARED];
        uint64_t id = WEIR_ATOMIC_LOAD(slot, SEQ_CST);
        int what = rand_r(&state) % 8;

        if (what == 0 && close_one(id))
            open_one(slot); /* only the one who closed it puts another in its place */
        else if (what == 1)
            use_one(stale, 0);
        else
            use_one(id, bits[what % 4]);
        stale = id;
    }
    return NULL;
}

TEST(threads_that_misuse_handles_get_only_errors)
{
    pthread_t threads[THREADS];
    uint64_t before = weir__handle_live();

    for (int i = 0; i < SHARED; i++)
        open_one(&ids[i]);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, misuse, (void *)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SHARED; i++)
        (void)close_one(ids[i]);
    assert_int_equal(wrong, 0);
    assert_true(made > SHARED);
    assert_int_equal(made, released);
    assert_int_equal(weir__handle_live(), before);
}
