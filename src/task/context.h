/* task/context.h - a suspended flow of control: what a switch saves and restores.
 *
 * A context belongs to whoever runs or keeps it: a task's to the task, a worker's own to the
 * worker. States: made (never run), running, suspended, ended. A switch saves the running flow in
 * `from` and continues `to`; both may lie anywhere, and a suspended context may continue on
 * another thread. Only what the C ABI says a callee keeps is saved: on x86-64 six integer
 * registers, on aarch64 also d8 to d15. The floating-point control words are the thread's and are
 * not touched.
 *
 * Builds: hand-written for x86-64 and aarch64; ucontext elsewhere or with WEIR_CONTEXT_UCONTEXT.
 * AddressSanitizer and ThreadSanitizer are told of each switch in builds that use them; in others a
 * switch is the bare assembly. From inside a task an unwinder reaches the entry function, then the
 * start stub, whose return address is undefined, and ends.
 */
#ifndef WEIR_TASK_CONTEXT_H
#define WEIR_TASK_CONTEXT_H

#include <stddef.h>

#if !defined(__has_feature)
#define WEIR__HAS_FEATURE(x) 0
#else
#define WEIR__HAS_FEATURE(x) __has_feature(x)
#endif

#if defined(__SANITIZE_ADDRESS__) || WEIR__HAS_FEATURE(address_sanitizer)
#define WEIR__CONTEXT_ASAN 1
#else
#define WEIR__CONTEXT_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || WEIR__HAS_FEATURE(thread_sanitizer)
#define WEIR__CONTEXT_TSAN 1
#else
#define WEIR__CONTEXT_TSAN 0
#endif

#if !defined(WEIR_CONTEXT_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define WEIR_CONTEXT_UCONTEXT 1
#endif
#if defined(WEIR_CONTEXT_UCONTEXT)
#include <ucontext.h>
#endif

/* The switch tells somebody else. */
#define WEIR__CONTEXT_ANNOTATED (WEIR__CONTEXT_ASAN || WEIR__CONTEXT_TSAN)

struct weir__context {
    void *sp; /* while suspended */
#if WEIR__CONTEXT_ANNOTATED
    void (*entry)(void *);
    void *arg;
#endif
#if WEIR__CONTEXT_ASAN
    void *fake_stack;
    const void *stack_low;
    size_t stack_size;
#endif
#if WEIR__CONTEXT_TSAN
    void *fiber;
    int owns_fiber;
#endif
#if defined(WEIR_CONTEXT_UCONTEXT)
    void (*start)(void *);
    void *start_arg;
    ucontext_t machine;
#endif
};

/* Prepares a context that runs entry(arg) on the stack [stack_low, stack_low + stack_size) when
 * it is first switched to. `entry` never returns: it ends with weir__context_switch_final.
 * Borrows the stack until then. Writes a few words below the top of the stack. stack_size is at
 * least 512. */
void weir__context_make(struct weir__context *context, void *stack_low, size_t stack_size,
                        void (*entry)(void *), void *arg);

/* Prepares a context for the calling thread's own flow, to be saved by the first switch from it. */
void weir__context_init_thread(struct weir__context *context);

/* Releases what sanitizers keep for a context that will not run again, by whoever runs something
 * else. For both kinds; the stack is the caller's. */
void weir__context_fini(struct weir__context *context);

/* The bare switch of the machine, behind the two below: in context_<machine>.S or
 * context_ucontext.c.
 */
void weir__context_jump(struct weir__context *from, struct weir__context *to);

#if WEIR__CONTEXT_ANNOTATED
void weir__context_switch(struct weir__context *from, struct weir__context *to);
void weir__context_switch_final(struct weir__context *from, struct weir__context *to);
#else
/* Saves the running flow in `from` and continues `to`. Returns when somebody switches to `from`,
 * perhaps on another thread. */
static inline void weir__context_switch(struct weir__context *from, struct weir__context *to)
{
    weir__context_jump(from, to);
}
/* The last switch away from `from`: continues `to`, does not return. */
static inline void weir__context_switch_final(struct weir__context *from, struct weir__context *to)
{
    weir__context_jump(from, to);
    __builtin_unreachable();
}
#endif

#endif
