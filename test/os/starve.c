/* test/os/starve.c - receives that find no buffer: they wait for one, in order, and can be
 * cancelled.
 *
 * A loop that has lent nearly all its buffers lends copies, so a receive starves only when there is
 * no memory for a copy, either: the allocator of this program refuses copies when it is told to.
 */
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir/loop.h>
#include <weir/memory.h>

#include "support/loop.h"

enum {
    BUFFERS = 64,
    HUNGRY = 9,
    LEN = 3000 /* of a message, and so of a copy */
};

static bool refuses;

static void *allocate(size_t size, void *user)
{
    (void)user;
    return refuses && size >= LEN ? NULL : malloc(size);
}

static void *reallocate(void *memory, size_t size, void *user)
{
    (void)user;
    return realloc(memory, size);
}

static void release(void *memory, void *user)
{
    (void)user;
    free(memory);
}

/* A loop whose buffers are all lent, and receives that have bytes waiting for them. */
struct hungry {
    weir_loop *loop;
    weir_lent held[BUFFERS];
    struct seen seen[HUNGRY];
    weir_op ops[HUNGRY];
    weir_fd fds[HUNGRY];
    weir_fd peers[HUNGRY];
};

static char message[LEN];

static void hungry_init(struct hungry *hungry)
{
    static const struct weir_allocator allocator = {allocate, reallocate, release, NULL};
    struct weir_loop_options options = {.buffers_max = BUFFERS};
    int i;

    (void)weir_set_allocator(&allocator); /* the first test does it */
    memset(hungry, 0, sizeof *hungry);
    assert_int_equal(weir_loop_create(&hungry->loop, &options), 0);
    for (i = 0; i < HUNGRY; i++) {
        make_pair(&hungry->fds[i], &hungry->peers[i]);
        hungry->ops[i] = noting(&hungry->seen[i]);
    }
    refuses = true;
    for (i = 0; i < BUFFERS; i++) {
        assert_int_equal(write(hungry->peers[0].number, message, LEN), LEN);
        weir_op_recv_lent(&hungry->ops[0], &hungry->fds[0], 0);
        weir_loop_submit(hungry->loop, &hungry->ops[0]);
        assert_int_equal(weir_loop_run(hungry->loop, WEIR_LOOP_DEFAULT), 0);
        assert_int_equal(hungry->seen[0].last, LEN);
        hungry->held[i] = hungry->ops[0].u.lent;
    }
    hungry->seen[0].count = 0;
}

static void hungry_fini(struct hungry *hungry)
{
    int i;

    refuses = false;
    for (i = 0; i < BUFFERS; i++)
        weir_loop_give_back(&hungry->held[i]);
    for (i = 0; i < HUNGRY; i++) {
        weir_loop_close(hungry->loop, &hungry->fds[i]);
        weir_loop_close(hungry->loop, &hungry->peers[i]);
    }
    assert_int_equal(weir_loop_run(hungry->loop, WEIR_LOOP_DEFAULT), 0);
    assert_int_equal(weir_loop_destroy(hungry->loop), 0);
}

static void ask(struct hungry *hungry, int i, uint8_t flags)
{
    weir_op_recv_lent(&hungry->ops[i], &hungry->fds[i], flags);
    weir_loop_submit(hungry->loop, &hungry->ops[i]);
}

static void feed(struct hungry *hungry, int i)
{
    assert_int_equal(write(hungry->peers[i].number, message, LEN), LEN);
}

static void turn(struct hungry *hungry)
{
    assert_true(weir_loop_run(hungry->loop, WEIR_LOOP_NOWAIT) >= 0);
}

static void starve_all(struct hungry *hungry, uint8_t flags)
{
    int i;

    for (i = 0; i < HUNGRY; i++) {
        ask(hungry, i, flags);
        feed(hungry, i);
    }
    for (i = 0; i < 5; i++)
        turn(hungry);
    for (i = 0; i < HUNGRY; i++)
        assert_int_equal(hungry->seen[i].count, 0);
}

static void run_until(struct hungry *hungry, int i, int count)
{
    while (hungry->seen[i].count < count)
        assert_true(weir_loop_run(hungry->loop, WEIR_LOOP_ONCE) >= 0);
    assert_int_equal(hungry->seen[i].count, count);
}

TEST(starved_receives_are_fed_in_order)
{
    struct hungry hungry;
    int i;

    not_on_sim("their order is a seed's");
    hungry_init(&hungry);
    starve_all(&hungry, 0);
    for (i = 0; i < HUNGRY; i++) {
        weir_loop_give_back(&hungry.held[i]);
        run_until(&hungry, i, 1);
        assert_int_equal(hungry.seen[i].last, LEN);
        if (i + 1 < HUNGRY)
            assert_int_equal(hungry.seen[i + 1].count, 0);
    }
    for (i = 0; i < HUNGRY; i++)
        weir_loop_give_back(&hungry.ops[i].u.lent);
    hungry_fini(&hungry);
}

/* Takes what a multishot receive has got, so that it ends with the bytes that it has. */
static uint32_t take(weir_op *op)
{
    uint32_t len = 0;
    weir_lent lent;

    while (weir_op_received(op, &lent)) {
        len += lent.len;
        weir_loop_give_back(&lent);
    }
    return len;
}

/* Cancelled are the first, the last and every other one: each place in the list. */
static void cancel_starved(uint8_t flags)
{
    struct hungry hungry;
    int i;

    hungry_init(&hungry);
    starve_all(&hungry, flags);
    for (i = 0; i < HUNGRY; i += 2) {
        int which = i % 4 ? HUNGRY - 1 - i : i;

        weir_loop_cancel(hungry.loop, &hungry.ops[which]);
        weir_loop_cancel(hungry.loop, &hungry.ops[which]);
        run_until(&hungry, which, 1);
        assert_int_equal(hungry.seen[which].last, WEIR_ECANCELED);
        weir_loop_cancel(hungry.loop, &hungry.ops[which]);
    }
    for (i = 0; i < HUNGRY; i++)
        assert_int_equal(hungry.seen[i].count, i % 2 == 0);
    for (i = 0; i < BUFFERS; i++)
        weir_loop_give_back(&hungry.held[i]);
    for (i = 1; i < HUNGRY; i += 2) { /* the others are fed */
        run_until(&hungry, i, 1);
        if (flags) {
            assert_int_equal(take(&hungry.ops[i]), LEN);
            weir_loop_cancel(hungry.loop, &hungry.ops[i]);
            run_until(&hungry, i, 2);
            assert_int_equal(hungry.seen[i].last, WEIR_ECANCELED);
        } else {
            assert_int_equal(hungry.seen[i].last, LEN);
            weir_loop_give_back(&hungry.ops[i].u.lent);
        }
    }
    for (i = 0; i < HUNGRY; i += 2) { /* and nothing of the cancelled ones is lost */
        ask(&hungry, i, 0);
        run_until(&hungry, i, 2);
        assert_int_equal(hungry.seen[i].last, LEN);
        weir_loop_give_back(&hungry.ops[i].u.lent);
    }
    hungry_fini(&hungry);
}

TEST(starved_receive_is_cancelled)
{
    cancel_starved(0);
    cancel_starved(WEIR_OP_MULTISHOT);
}

/* The cancel is on its way when the receive learns that there is no buffer. */
TEST(receive_that_starves_while_it_is_cancelled_ends_once)
{
    struct hungry hungry;
    int round;

    hungry_init(&hungry);
    for (round = 0; round < 8; round++) {
        ask(&hungry, 1, round & 1 ? WEIR_OP_MULTISHOT : 0);
        turn(&hungry);
        if (round & 2)
            weir_loop_cancel(hungry.loop, &hungry.ops[1]);
        feed(&hungry, 1);
        if (!(round & 2))
            weir_loop_cancel(hungry.loop, &hungry.ops[1]);
        if (round & 4)
            turn(&hungry);
        weir_loop_cancel(hungry.loop, &hungry.ops[1]);
        run_until(&hungry, 1, round + 1);
        turn(&hungry);
        assert_int_equal(hungry.seen[1].count, round + 1);
        assert_int_equal(hungry.seen[1].last, WEIR_ECANCELED);
    }
    weir_loop_give_back(&hungry.held[0]);
    ask(&hungry, 1, 0);
    run_until(&hungry, 1, round + 1);
    assert_true(hungry.seen[1].last >= LEN);
    weir_loop_give_back(&hungry.ops[1].u.lent);
    hungry_fini(&hungry);
}
