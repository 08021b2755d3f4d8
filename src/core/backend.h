/* core/backend.h - the table that every backend fills.
 *
 * A backend turns submitted operations into completions. It links each completed operation into
 * loop->completed through weir__loop_complete and calls nobody. All functions are called by the
 * thread that runs the loop, except `wake`.
 */
#ifndef WEIR_CORE_BACKEND_H
#define WEIR_CORE_BACKEND_H

#include <stdint.h>

struct weir_loop;
struct weir_op;
struct weir_fd;
struct weir__buffers;

struct weir__backend {
    const char *name;
    /* Makes loop->state. WEIR_ENOSYS or WEIR_EPERM: this backend does not work here. */
    int (*init)(struct weir_loop *loop);
    void (*fini)(struct weir_loop *loop);
    void (*submit)(struct weir_loop *loop, struct weir_op *op);
    /* A request; the operation completes later, or at once (linked, not called). */
    void (*cancel)(struct weir_loop *loop, struct weir_op *op);
    /* Sends everything prepared to the kernel, sleeps up to timeout_ns (-1: for ever, 0: not at
     * all), links what has completed. */
    int (*wait)(struct weir_loop *loop, int64_t timeout_ns);
    /* Ends a sleep of `wait`. Any thread. */
    void (*wake)(struct weir_loop *loop);
    /* A descriptor that becomes readable when `wait` has something to link. */
    int (*descriptor)(struct weir_loop *loop);
    /* The descriptor is about to be closed (close != 0: close it) and no operation uses it. */
    void (*forget)(struct weir_loop *loop, struct weir_fd *fd, int close);
    /* A buffer of the group is free again. */
    void (*give)(struct weir_loop *loop, uint32_t id);
};

extern const struct weir__backend weir__backend_uring;
extern const struct weir__backend weir__backend_epoll;
extern const struct weir__backend weir__backend_sim;

#endif
