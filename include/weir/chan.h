/* weir/chan.h - values from task to task: channels, oneshots, broadcasts and watches.
 *
 * All are named by values and guarded by generations: a handle that was destroyed gives
 * WEIR_EBADHANDLE from every call and never touches another object. Values have a fixed size and
 * are copied, in and out; no message of a bounded object needs memory. Any task on any worker and
 * any thread may call: a call that suspends a task blocks a thread that is none. Who waits is
 * served in the order of arrival.
 *
 * Pointers to values point to as many bytes as the object was made for, and are borrowed until the
 * call returns, as is all else that a call is given; an `out` is filled by a call that succeeds
 * only. What a try call does not wait for it does not suspend for.
 *
 * A call that is stopped (WEIR_ECANCELED, WEIR_EDEADLINE) has not sent, and has not taken anything
 * from others. What was handed over at the same moment is delivered: the call succeeds, and the
 * next one is stopped.
 */
#ifndef WEIR_CHAN_H
#define WEIR_CHAN_H

#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/options.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_VALUE_MAX 4096 /* bytes of one value */

/* ---- channels: each value goes to one receiver ---- */

typedef struct weir_chan {
    uint64_t id;
} weir_chan;

/* Zero means default everywhere. */
struct weir_chan_options {
    uint32_t capacity; /* values that are kept; at most 2^24; default 0: a sender waits until a
                          receiver has its value */
    uint8_t unbounded; /* WEIR_ON, with capacity 0: as many as there is memory for */
    uint8_t counted;   /* WEIR_ON: senders are counted, and the last one closes it. There is one
                          at first */
};

/* Makes a channel for values of 1..WEIR_VALUE_MAX bytes. *out gives it, released with
 * weir_chan_destroy. Does not suspend. WEIR_EINVAL, WEIR_EOPTION, WEIR_ENOMEM, WEIR_ELIMIT. */
WEIR_PUBLIC int weir_chan_create_n(weir_chan *out, size_t value_size,
                                   const struct weir_chan_options *options, size_t options_size);
static inline int weir_chan_create(weir_chan *out, size_t value_size, uint32_t capacity)
{
    struct weir_chan_options options = {capacity, 0, 0};

    return weir_chan_create_n(out, value_size, &options, sizeof options);
}
static inline int weir_chan_create_with(weir_chan *out, size_t value_size,
                                        const struct weir_chan_options *options)
{
    return weir_chan_create_n(out, value_size, options, sizeof *options);
}

/* Sends a value, which is copied. Suspends while there is no room. 0, the
 * reason of a close, WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EBADHANDLE, WEIR_ECLOSED (destroyed
 * meanwhile), WEIR_ENOMEM (unbounded, or a deadline). */
WEIR_PUBLIC int weir_chan_send(weir_chan chan, const void *value);
/* The same without waiting: WEIR_EAGAIN if there is no room, or others wait for it. Does not
 * suspend. */
WEIR_PUBLIC int weir_chan_try_send(weir_chan chan, const void *value);

/* Receives the oldest value. Suspends while there is none. 0; after the last value the reason of
 * the close; errors as of weir_chan_send. */
WEIR_PUBLIC int weir_chan_recv(weir_chan chan, void *out);
/* The same without waiting: WEIR_EAGAIN if there is none. Does not suspend. */
WEIR_PUBLIC int weir_chan_try_recv(weir_chan chan, void *out);
/* Receives 1..count values, the oldest that are there, into an array of `count`: how many. Suspends
 * while there is none. WEIR_EINVAL for a count of 0 or above INT32_MAX; else as weir_chan_recv. */
WEIR_PUBLIC int weir_chan_recv_many(weir_chan chan, void *out, size_t count);

/* Values that are kept now, which may be others when it returns; WEIR_EBADHANDLE. Does not
 * suspend. */
WEIR_PUBLIC int weir_chan_count(weir_chan chan);

/* Closes for senders: who sends, now or later, gets `reason`; receivers get it after the values
 * that are kept and those that permits still send. `reason` is negative; 0 stands for
 * WEIR_ECLOSED. A channel that is closed already keeps its reason. Does not suspend. 0,
 * WEIR_EINVAL, WEIR_EBADHANDLE. */
WEIR_PUBLIC int weir_chan_close(weir_chan chan, int reason);

/* Releases the channel and the values in it. Calls under way return WEIR_ECLOSED. Does not suspend,
 * cannot fail; does nothing to one that is destroyed. */
WEIR_PUBLIC void weir_chan_destroy(weir_chan chan);

/* One sender more or less, of a counted channel. Any holder of the handle may send without being
 * counted; it then finds the channel closed when the last one has gone, with WEIR_ECLOSED as the
 * reason. Do not suspend. 0, WEIR_EINVAL (not counted), WEIR_ELIMIT, WEIR_EBADHANDLE; the first
 * also the reason of a close. */
WEIR_PUBLIC int weir_chan_add_sender(weir_chan chan);
WEIR_PUBLIC int weir_chan_drop_sender(weir_chan chan);

/* A place in a bounded channel that is kept for one value. The caller's memory; used once. */
typedef struct weir_permit {
    weir_chan weir__chan;
} weir_permit;

/* Reserves a place. *out gives the permit, ended with weir_permit_commit or weir_permit_release.
 * Suspends while there is none. Errors as of weir_chan_send; WEIR_ENOTSUP without a capacity. */
WEIR_PUBLIC int weir_chan_reserve(weir_chan chan, weir_permit *out);
/* Sends a value by the permit, also after a close. Does not suspend. 0, or WEIR_EBADHANDLE if the
 * channel was destroyed or the permit was used. */
WEIR_PUBLIC int weir_permit_commit(weir_permit *permit, const void *value);
/* Gives the place back. Does not suspend. Results as of weir_permit_commit. */
WEIR_PUBLIC int weir_permit_release(weir_permit *permit);

/* ---- oneshots: one value, from one to one ---- */

typedef struct weir_oneshot {
    uint64_t id;
} weir_oneshot;

#define WEIR_ONESHOT_VALUE_MAX 128

/* Makes a oneshot for a value of 1..WEIR_ONESHOT_VALUE_MAX bytes. It is its receiver's: it ends
 * when the receiver has got the value or the failure, or with weir_oneshot_close. Does not
 * suspend. WEIR_EINVAL, WEIR_ENOMEM, WEIR_ELIMIT. */
WEIR_PUBLIC int weir_oneshot_create(weir_oneshot *out, size_t value_size);
/* Sends the value, which is copied. Does not suspend. 0, WEIR_EBUSY (sent before), WEIR_EBADHANDLE
 * (the receiver has left). */
WEIR_PUBLIC int weir_oneshot_send(weir_oneshot oneshot, const void *value);
/* The receiver gets `reason`, which is negative, instead of a value. Does not suspend. WEIR_EINVAL,
 * and as above. */
WEIR_PUBLIC int weir_oneshot_fail(weir_oneshot oneshot, int reason);
/* Receives. Suspends until there is something. 0, or the reason of the failure; then the oneshot
 * has ended. WEIR_EBADHANDLE, WEIR_EBUSY (somebody waits already); WEIR_ECANCELED,
 * WEIR_EDEADLINE and WEIR_ENOMEM leave it as it was. */
WEIR_PUBLIC int weir_oneshot_recv(weir_oneshot oneshot, void *out);
/* The same without waiting: WEIR_EAGAIN if there is nothing yet. Does not suspend. */
WEIR_PUBLIC int weir_oneshot_try_recv(weir_oneshot oneshot, void *out);
/* Ends it, whatever is in it; one that waits gets WEIR_ECLOSED. Does not suspend, cannot fail. */
WEIR_PUBLIC void weir_oneshot_close(weir_oneshot oneshot);

/* ---- broadcasts: each value goes to each receiver ---- */

typedef struct weir_broadcast {
    uint64_t id;
} weir_broadcast;

/* One receiver's place in a broadcast. The caller's memory, for one call at a time; ends without a
 * call, and may be copied. */
typedef struct weir_listening {
    weir_broadcast weir__broadcast;
    uint64_t weir__next;
    void *weir__out;
} weir_listening;

/* Makes a broadcast that keeps the last `capacity` values (1..2^24) of 1..WEIR_VALUE_MAX bytes.
 * *out gives it, released with weir_broadcast_destroy. Does not suspend. WEIR_EINVAL, WEIR_ENOMEM,
 * WEIR_ELIMIT. */
WEIR_PUBLIC int weir_broadcast_create(weir_broadcast *out, size_t value_size, uint32_t capacity);
/* Sends a value, which is copied; the oldest one that is kept makes room. Never waits for
 * receivers. Does not suspend. 0, the reason of a close, WEIR_EBADHANDLE. */
WEIR_PUBLIC int weir_broadcast_send(weir_broadcast broadcast, const void *value);
/* Begins to listen with the next value that is sent. Does not suspend. WEIR_EBADHANDLE. */
WEIR_PUBLIC int weir_broadcast_listen(weir_broadcast broadcast, weir_listening *out);
/* Receives the next value: how many were missed before it, because the receiver was slow (0: none,
 * at most INT32_MAX). Suspends until there is one. After the last value the reason of a close;
 * WEIR_EBADHANDLE, WEIR_ECLOSED, WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_ENOMEM. */
WEIR_PUBLIC int weir_broadcast_recv(weir_listening *listening, void *out);
/* The same without waiting: WEIR_EAGAIN if there is none. Does not suspend. */
WEIR_PUBLIC int weir_broadcast_try_recv(weir_listening *listening, void *out);
/* As of a channel. */
WEIR_PUBLIC int weir_broadcast_close(weir_broadcast broadcast, int reason);
WEIR_PUBLIC void weir_broadcast_destroy(weir_broadcast broadcast);

/* ---- watches: the latest value ---- */

typedef struct weir_watch {
    uint64_t id;
} weir_watch;

/* Makes a watch with a first value of 1..WEIR_VALUE_MAX bytes, which is version 1. *out gives it,
 * released with weir_watch_destroy. Does not suspend. WEIR_EINVAL, WEIR_ENOMEM, WEIR_ELIMIT. */
WEIR_PUBLIC int weir_watch_create(weir_watch *out, size_t value_size, const void *value);
/* Sets the value, and counts the version up. Does not suspend. 0, the reason of a close,
 * WEIR_EBADHANDLE. */
WEIR_PUBLIC int weir_watch_set(weir_watch watch, const void *value);
/* Gives the value, and its version unless `version` is NULL; also after a close. Does not suspend.
 * WEIR_EBADHANDLE. */
WEIR_PUBLIC int weir_watch_get(weir_watch watch, void *out, uint64_t *version);
/* Waits until the version is not *version (0: any), then gives the value and its version. Versions
 * between may be passed over. Suspends. After the last version the reason of a close; errors as of
 * weir_broadcast_recv. */
WEIR_PUBLIC int weir_watch_changed(weir_watch watch, void *out, uint64_t *version);
/* As of a channel. */
WEIR_PUBLIC int weir_watch_close(weir_watch watch, int reason);
WEIR_PUBLIC void weir_watch_destroy(weir_watch watch);

#ifdef __cplusplus
}
#endif
#endif
