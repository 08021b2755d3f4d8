/* weir/select.h - waiting for the first of several operations.
 *
 * A select does exactly one of its cases and has withdrawn the others when it returns: what was not
 * chosen has sent nothing, and has taken no value, byte, connection, message or event. The array of
 * cases is the caller's memory. A case is filled once and can be used by any number of selects, one
 * at a time; a zeroed one is never ready. What a case points to is borrowed while a select uses it.
 */
#ifndef WEIR_SELECT_H
#define WEIR_SELECT_H

#include <stddef.h>
#include <stdint.h>

#include <weir/chan.h>
#include <weir/delay.h>
#include <weir/net.h>
#include <weir/netif.h>
#include <weir/ready.h>
#include <weir/scope.h>
#include <weir/socket.h>
#include <weir/stream.h>
#include <weir/sync.h>
#include <weir/task.h>
#include <weir/time.h>
#include <weir/token.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_SELECT_MAX 64 /* cases of one select */

typedef struct weir_case {
    ptrdiff_t result; /* of the case that was done: what the call of its kind would have returned */
    void *weir__private[32];
} weir_case;

/* Fill a case with a call: the arguments are the call's, and what they point to is borrowed by each
 * select that uses the case. Do not suspend, cannot fail, and look at nothing: what is wrong with
 * an argument is told by the case's result. Any thread. */
WEIR_PUBLIC void weir_case_send(weir_case *out, weir_chan chan, const void *value);
WEIR_PUBLIC void weir_case_recv(weir_case *out, weir_chan chan, void *value);
WEIR_PUBLIC void weir_case_oneshot(weir_case *out, weir_oneshot oneshot, void *value);
WEIR_PUBLIC void weir_case_broadcast(weir_case *out, weir_listening *listening, void *value);
WEIR_PUBLIC void weir_case_watch(weir_case *out, weir_watch watch, void *value, uint64_t *version);
WEIR_PUBLIC void weir_case_read(weir_case *out, weir_stream stream, void *bytes, size_t len);
WEIR_PUBLIC void weir_case_write(weir_case *out, weir_stream stream, const void *bytes, size_t len);
WEIR_PUBLIC void weir_case_accept(weir_case *out, weir_listener listener, weir_stream *stream);
/* Messages of a socket, as weir_recv_from, weir_recv_message, weir_send_to and weir_send_message.
 * Any number of tasks may wait for one socket, in selects or not: who waits longest comes first. A
 * case waits until the socket is ready, and receives or sends when it was chosen; if somebody else
 * was quicker then, the select goes on. A weir_message is filled as for the call. */
WEIR_PUBLIC void weir_case_recv_from(weir_case *out, weir_socket socket, void *bytes, size_t cap,
                                     weir_address *peer);
WEIR_PUBLIC void weir_case_recv_message_n(weir_case *out, weir_socket socket,
                                          struct weir_message *message, size_t size);
static inline void weir_case_recv_message(weir_case *out, weir_socket socket,
                                          struct weir_message *message)
{
    weir_case_recv_message_n(out, socket, message, sizeof *message);
}
WEIR_PUBLIC void weir_case_send_to(weir_case *out, weir_socket socket, const void *bytes,
                                   size_t len, const weir_address *peer);
WEIR_PUBLIC void weir_case_send_message_n(weir_case *out, weir_socket socket,
                                          struct weir_message *message, size_t size);
static inline void weir_case_send_message(weir_case *out, weir_socket socket,
                                          struct weir_message *message)
{
    weir_case_send_message_n(out, socket, message, sizeof *message);
}
/* The next change of the interfaces, as weir_netif_watch_next; one task at a time. */
WEIR_PUBLIC void weir_case_netif_n(weir_case *out, weir_netif_watch watch,
                                   struct weir_netif_event *event, size_t size);
static inline void weir_case_netif(weir_case *out, weir_netif_watch watch,
                                   struct weir_netif_event *event)
{
    weir_case_netif_n(out, watch, event, sizeof *event);
}
/* Readiness of a foreign descriptor, as weir_ready_wait: the result is the bits. Counts of
 * <weir/count.h> are streams: weir_case_read, of 8 bytes. */
WEIR_PUBLIC void weir_case_ready(weir_case *out, int descriptor, uint32_t events);
/* Joins a scope that the caller has opened: the result is weir_scope_join's, and the scope is
 * closed when this case was done. */
WEIR_PUBLIC void weir_case_join(weir_case *out, weir_scope *scope);
/* The next task of a scope that has ended: as weir_scope_next. */
WEIR_PUBLIC void weir_case_next(weir_case *out, weir_scope *scope, struct weir_ended *ended);
/* Waits for a task: as weir_task_join; and for a token: as weir_token_wait. */
WEIR_PUBLIC void weir_case_task(weir_case *out, weir_task task, int *result);
WEIR_PUBLIC void weir_case_token(weir_case *out, weir_token token);
/* A permit of a bounded channel, as weir_chan_reserve. */
WEIR_PUBLIC void weir_case_reserve(weir_case *out, weir_chan chan, weir_permit *permit);
/* Objects of <weir/sync.h>: a signal, as weir_notify_wait or weir_notify_wait_from; so many permits
 * of a semaphore; a mutex, which the caller holds when the case was done with the result 0. In the
 * queues a select stands like any other, in the order of arrival. */
WEIR_PUBLIC void weir_case_notify(weir_case *out, weir_notify *notify);
WEIR_PUBLIC void weir_case_notify_from(weir_case *out, weir_notify *notify, uint32_t mark);
WEIR_PUBLIC void weir_case_acquire(weir_case *out, weir_semaphore *semaphore, uint32_t count);
WEIR_PUBLIC void weir_case_lock(weir_case *out, weir_mutex *mutex);
/* The next entry of a delay queue that expires, as weir_delay_next; the next tick of an interval,
 * as weir_interval_tick. */
WEIR_PUBLIC void weir_case_delay(weir_case *out, weir_delay_queue *queue, weir_delay_entry **entry);
WEIR_PUBLIC void weir_case_tick(weir_case *out, weir_interval *interval, uint64_t *due_ns);
/* A moment of weir_now_ns; or one that is duration_ns nanoseconds after the filling (negative: 0;
 * WEIR_FOREVER: never). The result is 0. */
WEIR_PUBLIC void weir_case_at(weir_case *out, uint64_t moment_ns);
WEIR_PUBLIC void weir_case_after(weir_case *out, int64_t duration_ns);
/* Never ready. */
WEIR_PUBLIC void weir_case_none(weir_case *out);

/* Zero means default everywhere. */
struct weir_select_options {
    uint8_t in_order; /* WEIR_ON: of the cases that are ready at the call, the first of the array;
                         default: the search begins at a random one. What comes first later is
                         first */
    uint8_t no_wait;  /* WEIR_ON: WEIR_EAGAIN if no case is ready */
};

/* Waits until one of 1..WEIR_SELECT_MAX cases can be done, and does it: its index. A case whose
 * call fails, on a closed channel for example, counts as done, and its result tells. Borrows the
 * cases until it returns, and options for the call. Suspends, unless no_wait is on. Tasks only:
 * a thread that runs none gets WEIR_ENOTASK, also with no_wait; it has the blocking calls, one at a
 * time, or runs a select by weir_runtime_block_on.
 * Errors, with nothing done: WEIR_ENOTASK, WEIR_ECANCELED, WEIR_EDEADLINE, WEIR_EIDLE (a served
 * stream of a case), WEIR_EINVAL, WEIR_EOPTION, WEIR_ENOMEM, WEIR_EAGAIN, WEIR_ELIMIT (pins). */
WEIR_PUBLIC int weir_select_n(weir_case *cases, size_t count,
                              const struct weir_select_options *options, size_t options_size);
static inline int weir_select(weir_case *cases, size_t count)
{
    return weir_select_n(cases, count, NULL, 0);
}
static inline int weir_select_with(weir_case *cases, size_t count,
                                   const struct weir_select_options *options)
{
    return weir_select_n(cases, count, options, sizeof *options);
}

#ifdef __cplusplus
}
#endif
#endif
