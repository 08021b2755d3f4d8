/* test/unit/task_context.c - switching there and back, what survives it and what does not. */
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sys/thread.h"
#include "task/context.h"
#include "task/stack.h"

enum {
    MANY = 200
};

struct flow {
    struct weir__context own;
    struct weir__context *home;
    struct weir__stack stack;
    int steps; /* switches home before the last one */
    int seen;
    bool whole; /* everything that must survive a switch did */
};

static struct weir__context main_context;
static struct weir__stack_pool pool;
static int flows_open;

static void flow_make(struct flow *flow, void (*entry)(void *))
{
    weir__context_make(&flow->own, flow->stack.low, (size_t)(flow->stack.high - flow->stack.low),
                       entry, flow);
}

static void flow_start(struct flow *flow, void (*entry)(void *), int steps)
{
    memset(flow, 0, sizeof *flow);
    flow->home = &main_context;
    flow->steps = steps;
    flow->whole = true;
    if (flows_open++ == 0)
        assert_int_equal(weir__stack_pool_init(&pool, 0), 0);
    assert_int_equal(weir__stack_take(&pool, 0, &flow->stack), 0);
    weir__context_init_thread(&main_context);
    flow_make(flow, entry);
}

static void flow_end(struct flow *flow)
{
    weir__context_fini(&flow->own);
    weir__stack_give(&pool, &flow->stack);
    if (--flows_open == 0)
        weir__stack_pool_fini(&pool);
}

static void count_steps(void *arg)
{
    struct flow *flow = arg;

    for (flow->seen = 0; flow->seen < flow->steps; flow->seen++)
        weir__context_switch(&flow->own, flow->home);
    weir__context_switch_final(&flow->own, flow->home);
}

TEST(switch_goes_there_and_back)
{
    struct flow flow;
    int i;

    flow_start(&flow, count_steps, 1000);
    for (i = 0; i < 1000; i++) {
        weir__context_switch(&main_context, &flow.own);
        assert_int_equal(flow.seen, i);
    }
    weir__context_switch(&main_context, &flow.own);
    assert_int_equal(flow.seen, 1000);
    flow_end(&flow);
}

TEST(many_stacks_take_turns)
{
    struct flow *flows = calloc(MANY, sizeof *flows);
    int i, round;

    assert_non_null(flows);
    for (i = 0; i < MANY; i++)
        flow_start(&flows[i], count_steps, 10);
    for (round = 0; round <= 10; round++) {
        for (i = 0; i < MANY; i++)
            weir__context_switch(&main_context, &flows[i].own);
    }
    for (i = 0; i < MANY; i++) {
        assert_int_equal(flows[i].seen, 10);
        flow_end(&flows[i]);
    }
    free(flows);
}

static void note_alignment(void *arg)
{
    struct flow *flow = arg;
    _Alignas(16) char local[16];
    char *volatile at = local;

    flow->whole = ((uintptr_t)at & 15) == 0;
    /* The builtin's value is what the compiler relies on for aligned stores of a callee. */
    flow->seen = (int)((uintptr_t)__builtin_frame_address(0) & 7);
    weir__context_switch_final(&flow->own, flow->home);
}

TEST(stack_is_aligned_at_the_entry)
{
    struct flow flow;

    flow_start(&flow, note_alignment, 0);
    weir__context_switch(&main_context, &flow.own);
    assert_true(flow.whole);
    assert_int_equal(flow.seen, 0);
    flow_end(&flow);
}

static void note_place(void *arg)
{
    struct flow *flow = arg;
    char *at = __builtin_frame_address(0);

    flow->whole = at > flow->stack.low && at < flow->stack.high;
    weir__context_switch_final(&flow->own, flow->home);
}

TEST(entry_runs_on_its_own_stack)
{
    struct flow flow;

    flow_start(&flow, note_place, 0);
    weir__context_switch(&main_context, &flow.own);
    assert_true(flow.whole);
    flow_end(&flow);
}

/* More values than there are registers, so that each callee-saved one holds something. */
static __attribute__((noinline)) uint64_t keep(struct weir__context *from, struct weir__context *to,
                                               uint64_t seed)
{
    uint64_t v[12], sum = 0;
    double d[10], floats = 0;
    int i;

    for (i = 0; i < 12; i++)
        v[i] = seed * (uint64_t)(i + 3);
    for (i = 0; i < 10; i++)
        d[i] = (double)seed + i;
    for (i = 0; i < 100; i++) {
        v[0] += v[11];
        v[1] ^= v[0], v[2] += v[1], v[3] ^= v[2], v[4] += v[3], v[5] ^= v[4];
        v[6] += v[5], v[7] ^= v[6], v[8] += v[7], v[9] ^= v[8], v[10] += v[9], v[11] ^= v[10];
        d[0] += 1, d[1] += d[0], d[2] += 1, d[3] += d[2], d[4] += 1, d[5] += d[4];
        d[6] += 1, d[7] += d[6], d[8] += 1, d[9] += d[8];
        if (from)
            weir__context_switch(from, to);
    }
    for (i = 0; i < 12; i++)
        sum ^= v[i];
    for (i = 0; i < 10; i++)
        floats += d[i];
    return sum ^ (uint64_t)floats;
}

static void keep_values(void *arg)
{
    struct flow *flow = arg;

    flow->whole = keep(&flow->own, flow->home, 77) == keep(NULL, NULL, 77);
    weir__context_switch_final(&flow->own, flow->home);
}

TEST(values_survive_switches_on_both_sides)
{
    struct flow flow;
    uint64_t got;

    flow_start(&flow, keep_values, 0);
    got = keep(&main_context, &flow.own, 12345);
    weir__context_switch(&main_context, &flow.own);
    assert_true(got == keep(NULL, NULL, 12345));
    assert_true(flow.whole);
    flow_end(&flow);
}

#if defined(__x86_64__) && !defined(WEIR_CONTEXT_UCONTEXT) && !WEIR__CONTEXT_ANNOTATED
/* Fills each callee-saved register by hand, switches, and looks at them again. 0 if all are
 * kept. */
static __attribute__((noinline)) uint64_t registers(struct weir__context *from,
                                                    struct weir__context *to, uint64_t seed)
{
    uint64_t wrong;

    /* rbp is kept by hand, because the compiler may use it as its frame pointer; the red zone is
     * stepped over. */
    __asm__ volatile("leaq -128(%%rsp), %%rsp\n\t"
                     "pushq %%rbp\n\t"
                     "pushq %%rax\n\t"
                     "movq %%rax, %%rbx\n\t"
                     "leaq 1(%%rax), %%r12\n\t"
                     "leaq 2(%%rax), %%r13\n\t"
                     "leaq 3(%%rax), %%r14\n\t"
                     "leaq 4(%%rax), %%r15\n\t"
                     "leaq 5(%%rax), %%rbp\n\t"
                     "call *%%rdx\n\t"
                     "popq %%rax\n\t"
                     "subq %%rax, %%rbx\n\t"
                     "subq %%rax, %%r12\n\t"
                     "subq $1, %%r12\n\t"
                     "subq %%rax, %%r13\n\t"
                     "subq $2, %%r13\n\t"
                     "subq %%rax, %%r14\n\t"
                     "subq $3, %%r14\n\t"
                     "subq %%rax, %%r15\n\t"
                     "subq $4, %%r15\n\t"
                     "subq %%rax, %%rbp\n\t"
                     "subq $5, %%rbp\n\t"
                     "orq %%r12, %%rbx\n\t"
                     "orq %%r13, %%rbx\n\t"
                     "orq %%r14, %%rbx\n\t"
                     "orq %%r15, %%rbx\n\t"
                     "orq %%rbp, %%rbx\n\t"
                     "movq %%rbx, %%rax\n\t"
                     "popq %%rbp\n\t"
                     "leaq 128(%%rsp), %%rsp"
                     : "=a"(wrong), "+D"(from), "+S"(to)
                     : "0"(seed), "d"(weir__context_jump)
                     : "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc",
                       "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    return wrong;
}

#endif

#if defined(__aarch64__) && !defined(WEIR_CONTEXT_UCONTEXT) && !WEIR__CONTEXT_ANNOTATED
/* Calls jump(from, to) with each callee-saved register filled; 0 if all are kept. By hand in whole,
 * because the compiler may use x19 and x29 itself. */
uint64_t registers(struct weir__context *from, struct weir__context *to, uint64_t seed);
__asm__(".text\n"
        ".p2align 4\n"
        "registers:\n"
        "  sub sp, sp, #192\n"
        "  stp x29, x30, [sp]\n"
        "  stp x19, x20, [sp, #16]\n"
        "  stp x21, x22, [sp, #32]\n"
        "  stp x23, x24, [sp, #48]\n"
        "  stp x25, x26, [sp, #64]\n"
        "  stp x27, x28, [sp, #80]\n"
        "  stp d8, d9, [sp, #96]\n"
        "  stp d10, d11, [sp, #112]\n"
        "  stp d12, d13, [sp, #128]\n"
        "  stp d14, d15, [sp, #144]\n"
        "  str x2, [sp, #160]\n"
        "  add x19, x2, #1\n  add x20, x2, #2\n  add x21, x2, #3\n  add x22, x2, #4\n"
        "  add x23, x2, #5\n  add x24, x2, #6\n  add x25, x2, #7\n  add x26, x2, #8\n"
        "  add x27, x2, #9\n  add x28, x2, #10\n  add x29, x2, #11\n"
        "  fmov d8, x19\n  fmov d9, x20\n  fmov d10, x21\n  fmov d11, x22\n"
        "  fmov d12, x23\n  fmov d13, x24\n  fmov d14, x25\n  fmov d15, x26\n"
        "  bl weir__context_jump\n"
        "  ldr x2, [sp, #160]\n"
        "  sub x19, x19, x2\n  sub x19, x19, #1\n  mov x0, x19\n"
        "  sub x20, x20, x2\n  sub x20, x20, #2\n  orr x0, x0, x20\n"
        "  sub x21, x21, x2\n  sub x21, x21, #3\n  orr x0, x0, x21\n"
        "  sub x22, x22, x2\n  sub x22, x22, #4\n  orr x0, x0, x22\n"
        "  sub x23, x23, x2\n  sub x23, x23, #5\n  orr x0, x0, x23\n"
        "  sub x24, x24, x2\n  sub x24, x24, #6\n  orr x0, x0, x24\n"
        "  sub x25, x25, x2\n  sub x25, x25, #7\n  orr x0, x0, x25\n"
        "  sub x26, x26, x2\n  sub x26, x26, #8\n  orr x0, x0, x26\n"
        "  sub x27, x27, x2\n  sub x27, x27, #9\n  orr x0, x0, x27\n"
        "  sub x28, x28, x2\n  sub x28, x28, #10\n  orr x0, x0, x28\n"
        "  sub x29, x29, x2\n  sub x29, x29, #11\n  orr x0, x0, x29\n"
        "  fmov x3, d8\n  sub x3, x3, x2\n  sub x3, x3, #1\n  orr x0, x0, x3\n"
        "  fmov x3, d9\n  sub x3, x3, x2\n  sub x3, x3, #2\n  orr x0, x0, x3\n"
        "  fmov x3, d10\n  sub x3, x3, x2\n  sub x3, x3, #3\n  orr x0, x0, x3\n"
        "  fmov x3, d11\n  sub x3, x3, x2\n  sub x3, x3, #4\n  orr x0, x0, x3\n"
        "  fmov x3, d12\n  sub x3, x3, x2\n  sub x3, x3, #5\n  orr x0, x0, x3\n"
        "  fmov x3, d13\n  sub x3, x3, x2\n  sub x3, x3, #6\n  orr x0, x0, x3\n"
        "  fmov x3, d14\n  sub x3, x3, x2\n  sub x3, x3, #7\n  orr x0, x0, x3\n"
        "  fmov x3, d15\n  sub x3, x3, x2\n  sub x3, x3, #8\n  orr x0, x0, x3\n"
        "  ldp x29, x30, [sp]\n"
        "  ldp x19, x20, [sp, #16]\n"
        "  ldp x21, x22, [sp, #32]\n"
        "  ldp x23, x24, [sp, #48]\n"
        "  ldp x25, x26, [sp, #64]\n"
        "  ldp x27, x28, [sp, #80]\n"
        "  ldp d8, d9, [sp, #96]\n"
        "  ldp d10, d11, [sp, #112]\n"
        "  ldp d12, d13, [sp, #128]\n"
        "  ldp d14, d15, [sp, #144]\n"
        "  add sp, sp, #192\n"
        "  ret\n");
#endif

#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(WEIR_CONTEXT_UCONTEXT)               \
    && !WEIR__CONTEXT_ANNOTATED
static void register_values(void *arg)
{
    struct flow *flow = arg;
    int i;

    for (i = 0; i < 3; i++)
        flow->whole = flow->whole && registers(&flow->own, flow->home, 0x1111000000000000u) == 0;
    weir__context_switch_final(&flow->own, flow->home);
}

TEST(each_callee_saved_register_is_kept)
{
    struct flow flow;
    int i;

    flow_start(&flow, register_values, 0);
    for (i = 0; i < 4; i++)
        assert_true(registers(&main_context, &flow.own, 0x2222000000000000u) == 0);
    assert_true(flow.whole);
    flow_end(&flow);
}
#endif

#if defined(__x86_64__) && !defined(WEIR_CONTEXT_UCONTEXT)
static unsigned control_word(void)
{
    unsigned mxcsr;
    unsigned short x87;

    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
    return (mxcsr & 0xffc0u) << 16 | x87;
}

static void set_rounding(unsigned bits)
{
    unsigned mxcsr;

    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    mxcsr = (mxcsr & ~0x6000u) | bits << 13;
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

static void change_rounding(void *arg)
{
    struct flow *flow = arg;

    flow->seen = (int)(control_word() >> 29 & 3);
    set_rounding(2);
    weir__context_switch_final(&flow->own, flow->home);
}

TEST(floating_point_control_is_the_threads)
{
    struct flow flow;
    unsigned before = control_word(), after;

    flow_start(&flow, change_rounding, 0);
    set_rounding(1);
    weir__context_switch(&main_context, &flow.own);
    after = control_word();
    set_rounding(0);
    assert_int_equal(flow.seen, 1);       /* the task saw what the thread had set */
    assert_int_equal(after >> 29 & 3, 2); /* and the thread what the task had */
    assert_int_equal(control_word(), before);
    flow_end(&flow);
}
#endif

/* ---- another thread continues what this one began ---- */

struct carrier {
    struct weir__context context;
    struct flow *flow;
};

static void carry(void *arg)
{
    struct carrier *carrier = arg;

    weir__context_init_thread(&carrier->context);
    carrier->flow->home = &carrier->context;
    weir__context_switch(&carrier->context, &carrier->flow->own);
    weir__context_fini(&carrier->context);
}

TEST(suspended_flow_continues_on_another_thread)
{
    struct weir__thread thread = {0};
    struct carrier carrier;
    struct flow flow;
    int i;

    flow_start(&flow, count_steps, 5);
    weir__context_switch(&main_context, &flow.own);
    carrier.flow = &flow;
    for (i = 1; i <= 5; i++) {
        assert_int_equal(weir__thread_start(&thread, carry, &carrier, "carrier"), 0);
        weir__thread_join(&thread);
        assert_int_equal(flow.seen, i);
    }
    flow_end(&flow);
}

/* ---- one flow starts and runs another ---- */

struct nest {
    struct flow flow;
    struct nest *inner;
};

static void run_inner(void *arg)
{
    struct nest *nest = arg;

    if (nest->inner) {
        nest->inner->flow.home = &nest->flow.own;
        weir__context_switch(&nest->flow.own, &nest->inner->flow.own);
        nest->flow.seen = nest->inner->flow.seen + 1;
    }
    weir__context_switch_final(&nest->flow.own, nest->flow.home);
}

TEST(flows_run_each_other)
{
    struct nest nests[20];
    int i;

    for (i = 0; i < 20; i++) {
        flow_start(&nests[i].flow, run_inner, 0);
        nests[i].inner = i < 19 ? &nests[i + 1] : NULL;
    }
    weir__context_switch(&main_context, &nests[0].flow.own);
    assert_int_equal(nests[0].flow.seen, 19);
    for (i = 0; i < 20; i++)
        flow_end(&nests[i].flow);
}

/* A fake stack that is not followed, or poison that is left behind, is a report here. */
static __attribute__((noinline)) int fill(char *out, int depth)
{
    char local[512];
    int i;

    for (i = 0; i < 512; i++)
        local[i] = (char)(depth + i);
    memcpy(out, local, sizeof local);
    return depth ? fill(out, depth - 1) + local[depth] : local[0];
}

static void use_locals(void *arg)
{
    struct flow *flow = arg;
    char local[512];
    int i;

    for (i = 0; i < flow->steps; i++) {
        fill(local, 20);
        weir__context_switch(&flow->own, flow->home);
        flow->seen += local[i];
    }
    weir__context_switch_final(&flow->own, flow->home);
}

TEST(reused_stack_is_clean_for_the_next_flow)
{
    struct flow flow;
    int i, round;

    flow_start(&flow, use_locals, 3);
    for (round = 0; round < 5; round++) {
        for (i = 0; i < 4; i++)
            weir__context_switch(&main_context, &flow.own);
        weir__context_fini(&flow.own);
        flow_make(&flow, use_locals);
    }
    flow_end(&flow);
}
