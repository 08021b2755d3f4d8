/* weir/runtime.h - workers that run tasks. */
#ifndef WEIR_RUNTIME_H
#define WEIR_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#include <weir/loop.h>
#include <weir/task.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_VERSION      0x000100u /* 0.1.0: major, minor, patch, a byte each */
#define WEIR_VERSION_TEXT "0.1.0"

/* The library's own version, to compare with the header's. */
WEIR_PUBLIC uint32_t weir_version(void);

#define WEIR_WORKERS_MAX 256

/* Zero means default. */
struct weir_runtime_options {
    uint32_t workers;           /* default: the CPUs that the process may use */
    uint32_t backend;           /* enum weir_backend */
    uint32_t buffers_max;       /* a worker; see struct weir_loop_options */
    int64_t spin_ns;            /* longest look for work before a worker sleeps; default 200 us;
                             WEIR_FOREVER is not allowed; negative: none */
    size_t stack_size;          /* default for tasks */
    uint8_t no_overflow_report; /* leave SIGSEGV alone */
};

/* Runs `fn` as a task on a new runtime and returns its result when it and everything it started has
 * ended. The calling thread is the first worker. Errors of its own: WEIR_EBUSY (called from a
 * task), WEIR_EVERSION, WEIR_EOPTION, WEIR_ENOMEM, WEIR_EMFILE, WEIR_EAGAIN (threads). */
WEIR_PUBLIC int weir_run_n(weir_task_fn *fn, void *arg, const struct weir_runtime_options *options,
                           size_t options_size, uint32_t header_version);
static inline int weir_run(weir_task_fn *fn, void *arg, const struct weir_runtime_options *options)
{
    return weir_run_n(fn, arg, options, sizeof *options, WEIR_VERSION);
}

/* The runtime of the calling task: how many workers, and which backend. 0 and "" outside of tasks.
 * */
WEIR_PUBLIC uint32_t weir_worker_count(void);
WEIR_PUBLIC const char *weir_backend_name(void);
/* The calling task's worker, 1..N; 0 outside of tasks. */
WEIR_PUBLIC uint32_t weir_worker_index(void);

#ifdef __cplusplus
}
#endif
#endif
