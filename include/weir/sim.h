/* weir/sim.h - the simulator: a program's tasks on simulated hosts, time and network.
 *
 * weir_sim_run runs a function as a task, as weir_run does, on the backend `sim`: one thread steps
 * all workers, in an order that a seed decides; time is virtual and passes only when nothing else
 * happens; sockets are simulated, with the latency, loss and bandwidth that is asked for, and disks
 * if that is asked for, with what a crash does to them. A seed replays a run exactly, as long as
 * the program asks nobody but weir for time, random numbers and data. docs/simulator.md says more.
 *
 * A host has a name, an address of its own (10.x.y.z) and a main function, which is a task. What a
 * task spawns and what sockets it opens belong to its host. Tasks of no host are on the host 0,
 * where the function of weir_sim_run begins; 127.0.0.1 is each host's own. Names of hosts can be
 * dialled: "tcp://server:80".
 *
 * All calls are made by tasks of a runtime on sim, unless they say otherwise; else WEIR_ENOTSUP.
 */
#ifndef WEIR_SIM_H
#define WEIR_SIM_H

#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a link between two hosts is, in each direction. Zero means default. */
struct weir_sim_link_options {
    int64_t latency_min_ns;      /* default 50 us; both zero: the default range */
    int64_t latency_max_ns;      /* default 500 us */
    uint32_t loss_permille;      /* of segments, which are sent again after a timeout, and of
                                  datagrams (of each of their fragments); default 0 */
    uint64_t bytes_per_second;   /* default 0: no limit */
    uint32_t duplicate_permille; /* of datagrams, which come twice; default 0 */
    uint32_t reorder_permille;   /* of datagrams, which take up to ten times as long; default 0, and
                                    they overtake each other by their latencies alone */
};

/* How a disk is, and what goes wrong on it. Zero means default. Thousandths are of calls. */
struct weir_sim_disk_options {
    uint64_t capacity;      /* bytes that files may take, in pages of 4 KiB; default 0: no limit */
    int64_t latency_min_ns; /* of a call that has to wait; both zero: 10 us to 5 ms */
    int64_t latency_max_ns;
    uint32_t short_permille;       /* reads and writes that move a part of the bytes */
    uint32_t read_error_permille;  /* WEIR_EIO, and nothing was done */
    uint32_t write_error_permille; /* likewise */
    uint32_t sync_error_permille;  /* WEIR_EIO, and some of what was to be written is never written;
                                      also of writes in the background, told by the next sync */
};

/* Zero means default. */
struct weir_sim_options {
    uint64_t seed;    /* default: WEIR_SEED in the environment, else one of the system's */
    uint32_t workers; /* logical ones; default 1 to 4, as the seed decides */
    struct weir_sim_link_options link; /* of every pair of hosts that has none of its own */
    int64_t limit_ns;   /* of virtual time, after which a run has failed with WEIR_ETIMEDOUT;
                         default 1 hour, WEIR_FOREVER: none */
    uint64_t steps_max; /* likewise of steps of workers, WEIR_ELIMIT; default 10,000,000 */
    uint8_t quiet;      /* say nothing about a failure */
    uint8_t disks;      /* WEIR_ON: files and directories are on simulated disks, one a host;
                           default: they are the real ones */
    struct weir_sim_disk_options disk; /* of every host, until weir_sim_disk */
};

/* Runs `fn` on a new simulated runtime and returns its result, when it has returned, the hosts'
 * tasks have been cancelled and all have ended. A result below 0 is a failure: the command that
 * replays it is written to stderr in one line. So are WEIR_EDEADLK (nothing can happen any more,
 * and tasks wait: they are named and cancelled), WEIR_ETIMEDOUT and WEIR_ELIMIT. A crash of the
 * process tells its seed too. `arg` is borrowed until the call returns, options for the call; NULL:
 * the defaults. WEIR_EBUSY (from a task, or there is a simulation or another loop), WEIR_EOPTION;
 * other errors as of weir_run. Blocks the calling thread. */
WEIR_PUBLIC int weir_sim_run_n(weir_task_fn *fn, void *arg, const struct weir_sim_options *options,
                               size_t options_size);
static inline int weir_sim_run(weir_task_fn *fn, void *arg, const struct weir_sim_options *options)
{
    return weir_sim_run_n(fn, arg, options, sizeof *options);
}

/* Runs `fn` under the seeds first, first + 1, ... (`count` of them), and stops at the first that
 * fails: its result, or 0. With WEIR_SEED in the environment, under that one alone. The function
 * sets up what it needs, for it is run many times. Otherwise as weir_sim_run. */
WEIR_PUBLIC int weir_sim_seeds_n(weir_task_fn *fn, void *arg, uint64_t first, uint64_t count,
                                 const struct weir_sim_options *options, size_t options_size);
static inline int weir_sim_seeds(weir_task_fn *fn, void *arg, uint64_t first, uint64_t count,
                                 const struct weir_sim_options *options)
{
    return weir_sim_seeds_n(fn, arg, first, count, options, sizeof *options);
}

/* The seed of the simulation that is on or, outside, was on last; 0: there was none. Any thread. */
WEIR_PUBLIC uint64_t weir_sim_seed(void);
/* A hash of every choice that was made so far, or in the last run: equal for two runs that were the
 * same. Any thread. */
WEIR_PUBLIC uint64_t weir_sim_trace(void);
/* The next number of the seed's sequence, and one below n (n > 0), for the choices of the program.
 * 0 outside of a simulation. */
WEIR_PUBLIC uint64_t weir_sim_random(void);
WEIR_PUBLIC uint32_t weir_sim_below(uint32_t n);

/* ---- hosts ---- */

typedef struct weir_sim_host {
    uint32_t number;
} weir_sim_host;

#define WEIR_SIM_HOSTS_MAX 256

/* Adds a host and starts fn(arg) on it; *host gives it. The name is copied: 1..31 letters, digits
 * and hyphens. The host lives until the run ends, also when its main function has returned, whose
 * result is nobody's. `arg` is borrowed until the run ends: it outlives crashes, as a disk does.
 * WEIR_EEXIST, WEIR_EINVAL (the name), WEIR_ELIMIT, WEIR_ENOMEM. Does not suspend. */
WEIR_PUBLIC int weir_sim_host_start(const char *name, weir_task_fn *fn, void *arg,
                                    weir_sim_host *host);
/* Crashes it: its sockets are gone at once, without a word to their peers; its tasks are cancelled,
 * and whatever they do still reaches nobody. Its disk, if it is simulated, keeps what was synced,
 * and of the rest what chance decides. Its memory is the program's, and stays. Does not suspend.
 * WEIR_EINVAL (no such host, or host 0), WEIR_EBUSY (it is down). */
WEIR_PUBLIC int weir_sim_host_crash(weir_sim_host host);
/* Starts a crashed host again, with the same function, after the tasks of the life before have
 * ended. Segments of old connections are answered with a reset from then on. Suspends. WEIR_EINVAL,
 * WEIR_EBUSY (it is up), WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOMEM. */
WEIR_PUBLIC int weir_sim_host_restart(weir_sim_host host);
/* The calling task's. Host 0 outside of hosts. */
WEIR_PUBLIC weir_sim_host weir_sim_host_current(void);
/* Its address as "10.0.0.2": the length, WEIR_EINVAL, WEIR_ENOBUFS. */
WEIR_PUBLIC int weir_sim_host_address(weir_sim_host host, char *out, size_t cap);

/* ---- the network ---- */

/* Sets both directions of the link between two hosts; what is under way stays. Options are
 * borrowed; NULL: the default. WEIR_EINVAL, WEIR_EOPTION, WEIR_ENOMEM. None of these suspends. */
WEIR_PUBLIC int weir_sim_link_n(weir_sim_host a, weir_sim_host b,
                                const struct weir_sim_link_options *options, size_t options_size);
static inline int weir_sim_link(weir_sim_host a, weir_sim_host b,
                                const struct weir_sim_link_options *options)
{
    return weir_sim_link_n(a, b, options, sizeof *options);
}
/* Nothing reaches either host from the other until the link is healed. Connections stay, and send
 * again with growing distances, for a quarter of an hour. */
WEIR_PUBLIC int weir_sim_partition(weir_sim_host a, weir_sim_host b);
WEIR_PUBLIC int weir_sim_heal(weir_sim_host a, weir_sim_host b);
/* Resets every connection between two hosts, at both ends at once. */
WEIR_PUBLIC int weir_sim_reset(weir_sim_host a, weir_sim_host b);

/* ---- disks ---- */

/* Sets what goes wrong on a host's disk from now on. Options are borrowed; NULL: nothing. With less
 * capacity than is in use, nothing more can be written. WEIR_ENOTSUP (disks are real), WEIR_EINVAL,
 * WEIR_EOPTION, WEIR_ENOMEM. Does not suspend. */
WEIR_PUBLIC int weir_sim_disk_n(weir_sim_host host, const struct weir_sim_disk_options *options,
                                size_t options_size);
static inline int weir_sim_disk(weir_sim_host host, const struct weir_sim_disk_options *options)
{
    return weir_sim_disk_n(host, options, sizeof *options);
}
/* Does to a disk alone, also to that of host 0, what a crash of its host does: what was not synced
 * is kept, lost or torn, by chance, and files that are open now give WEIR_EIO. WEIR_ENOTSUP,
 * WEIR_EINVAL. Does not suspend. */
WEIR_PUBLIC int weir_sim_disk_crash(weir_sim_host host);

#ifdef __cplusplus
}
#endif
#endif
