/* net/netif_watch.c - changes of interfaces and addresses. See <weir/netif.h>.
 *
 * A watch has a socket that is a member of the kernel's groups, and what it knows of each
 * interface, so that it can tell what has changed of one: the kernel sends its whole state, at many
 * an occasion. The socket joins the groups before the interfaces are asked for, so nothing is
 * missed in between. Whenever something may have been lost the watch is stale: the next call asks
 * anew and tells of it.
 *
 * The reader bit of the handle guards everything but the socket, whose close ends a call under way.
 * Who leaves last after the close releases.
 */
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "core/handle.h"
#include "core/sim.h"
#include "net/message.h"
#include "net/netif.h"
#include "net/netif_op.h"
#include "net/socket.h"
#include "sys/call.h"
#include "sys/current.h"
#include "task/case.h"
#include "task/task.h"

#define DRAIN_MAX 100000 /* messages; a queue holds some hundreds */

struct watch {
    uint64_t id;
    weir_socket socket;
    bool stale;
    struct weir_netifs known; /* interfaces alone */
    struct weir__netif_cursor cursor;
    unsigned char bytes[WEIR__NETIF_MESSAGE_MAX];
};

static void release(struct watch *watch)
{
    weir_socket_close(watch->socket);
    weir_netif_free(&watch->known);
    if (watch->id)
        weir__handle_free(watch->id);
    weir__free(watch);
}

/* ---- opening ---- */

static int open_socket(struct watch *watch)
{
    weir_address groups;
    int rc = weir_socket_open(&watch->socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, NULL);

    if (rc < 0)
        return rc;
    weir__netif_groups(&groups);
    return weir_socket_bind(watch->socket, &groups);
}

static int begin(struct watch *watch)
{
    int rc = open_socket(watch);

    if (rc == 0)
        rc = weir__netif_scan(&watch->known, true);
    return rc < 0 ? rc : weir__handle_make(WEIR__KIND_NETIF_WATCH, watch, &watch->id);
}

int weir_netif_watch_open(weir_netif_watch *out)
{
    WEIR__CALL;
    struct watch *watch;
    int rc;

    if (!weir__task_current())
        return WEIR_ENOTASK;
    if (weir__sim_on())
        return WEIR_EAFNOSUPPORT;
    watch = weir__calloc(1, sizeof *watch);
    if (!watch)
        return WEIR_ENOMEM;
    rc = begin(watch);
    if (rc < 0) {
        watch->id = 0;
        release(watch);
    } else {
        out->id = watch->id;
    }
    return rc;
}

/* ---- what has changed ---- */

static struct weir_netif *find(const struct watch *watch, uint32_t number)
{
    size_t i;

    for (i = 0; i < watch->known.interface_count; i++) {
        if (watch->known.interfaces[i].number == number)
            return &watch->known.interfaces[i];
    }
    return NULL;
}

static bool is_running(const struct weir_netif *link)
{
    const uint32_t both = WEIR_NETIF_UP | WEIR_NETIF_RUNNING;

    return (link->flags & both) == both;
}

/* What the new state of an interface is; 0: nothing has changed, or WEIR_ENOMEM. */
static int note_link(struct watch *watch, const struct weir_netif *link)
{
    struct weir_netif before, *known = find(watch, link->number);

    if (!known)
        return weir__netif_add(&watch->known, link) < 0 ? WEIR_ENOMEM : WEIR_NETIF_ADDED;
    before = *known;
    *known = *link;
    if (is_running(&before) != is_running(link))
        return is_running(link) ? WEIR_NETIF_WENT_UP : WEIR_NETIF_WENT_DOWN;
    return memcmp(&before, link, sizeof before) == 0 ? 0 : WEIR_NETIF_CHANGED;
}

static int note_gone(struct watch *watch, const struct weir_netif *link)
{
    struct weir_netif *known = find(watch, link->number);

    if (!known)
        return 0;
    *known = watch->known.interfaces[--watch->known.interface_count];
    return WEIR_NETIF_REMOVED;
}

static int note(struct watch *watch, const struct weir__netif_item *item,
                struct weir_netif_event *out)
{
    switch (item->kind) {
    case NETIF_LINK:
        out->interface = item->link;
        return note_link(watch, &item->link);
    case NETIF_LINK_GONE:
        out->interface = item->link;
        return note_gone(watch, &item->link);
    case NETIF_ADDRESS:
        out->address = item->address;
        return WEIR_NETIF_ADDRESS_ADDED;
    case NETIF_ADDRESS_GONE:
        out->address = item->address;
        return WEIR_NETIF_ADDRESS_REMOVED;
    case NETIF_OTHER:
    case NETIF_DONE:
    case NETIF_ERROR:
        break;
    }
    return 0;
}

/* ---- the next one ---- */

/* Throws away what is in the queue: it tells of what was before, and as long as it has something
 * the kernel that has lost one message loses all. */
static int drain(struct watch *watch)
{
    struct weir__socket *socket;
    int i, rc;

    watch->cursor.left = 0;
    socket = weir__socket_enter(watch->socket, &rc);
    if (!socket)
        return rc;
    for (i = 0; i < DRAIN_MAX && rc != WEIR_EAGAIN; i++)
        rc = weir__sys_recv(socket->fd.number, watch->bytes, sizeof watch->bytes, MSG_DONTWAIT);
    weir__socket_leave(socket);
    return 0;
}

static int rescan(struct watch *watch)
{
    struct weir_netifs fresh;
    int rc = drain(watch);

    if (rc == 0)
        rc = weir__netif_scan(&fresh, true);
    if (rc < 0)
        return rc;
    weir_netif_free(&watch->known);
    watch->known = fresh;
    watch->stale = false;
    return WEIR_NETIF_RESCAN;
}

/* For a case of a select, which does not wait here: a message's length, or WEIR_EAGAIN. */
static int receive_now(struct watch *watch, struct weir__case *c)
{
    struct weir__socket *socket = c->where[0];
    struct weir_message message = {.bytes = watch->bytes, .cap = sizeof watch->bytes};
    struct weir__receiving r = {.message = &message,
                                .control = weir__message_room(&message),
                                .flags = weir__message_receive_flags(socket)};
    int rc;

    do {
        rc = weir__socket_case_try(socket, SIDE_READ, c, weir__message_try_receive, &r);
    } while (rc >= 0 && !weir__netif_from_kernel(&message.peer));
    if (rc >= 0 && message.flags & WEIR_MESSAGE_TRUNCATED)
        rc = WEIR_EMSGSIZE;
    return rc < 0 ? rc : (int)message.len;
}

/* Fills the cursor: 0, or an error. A message that was lost, or a part of one, makes it stale. */
static int receive(struct watch *watch, struct weir__case *c)
{
    int n = c ? receive_now(watch, c)
              : weir__netif_receive(watch->socket, watch->bytes, sizeof watch->bytes);

    if (n == WEIR_ENOBUFS || n == WEIR_EMSGSIZE) {
        watch->stale = true;
        return 0;
    }
    if (n < 0)
        return n;
    watch->cursor = (struct weir__netif_cursor){watch->bytes, (size_t)n};
    return 0;
}

/* Of a select's case, or of a call: then `c` is NULL. */
static int next(struct watch *watch, struct weir_netif_event *out, struct weir__case *c)
{
    struct weir__netif_item item;
    int rc = 0;

    while (rc == 0) {
        if (watch->stale)
            rc = rescan(watch);
        else if (weir__netif_take(&watch->cursor, &item))
            rc = note(watch, &item, out);
        else
            rc = receive(watch, c);
    }
    if (rc == WEIR_ENOMEM)
        watch->stale = true;
    return rc;
}

/* The result of a call, from that of `next`. */
static int deliver(struct weir_netif_event *event, int rc, void *out, size_t size)
{
    if (rc < 0)
        return rc;
    event->change = (uint32_t)rc;
    memcpy(out, event, size < sizeof *event ? size : sizeof *event);
    return rc;
}

int weir_netif_watch_next_n(weir_netif_watch handle, struct weir_netif_event *out, size_t size)
{
    WEIR__CALL;
    struct weir_netif_event event;
    struct watch *watch;
    int rc;

    if (!weir__task_current())
        return WEIR_ENOTASK;
    watch = weir__handle_enter(handle.id, WEIR__KIND_NETIF_WATCH, WEIR__HANDLE_READER, &rc);
    if (!watch)
        return rc;
    memset(&event, 0, sizeof event);
    rc = next(watch, &event, NULL);
    if (rc < 0 && weir__handle_closed(handle.id))
        rc = WEIR_ECLOSED;
    if (weir__handle_leave(handle.id, WEIR__HANDLE_READER))
        release(watch);
    return deliver(&event, rc, out, size);
}

/* The socket is closed by one who is inside, since a call under way may be the last to leave. */
int weir_netif_watch_close(weir_netif_watch handle)
{
    WEIR__CALL;
    struct watch *watch;
    uint32_t in_use;
    void *object;
    int rc;

    watch = weir__handle_enter(handle.id, WEIR__KIND_NETIF_WATCH, 0, &rc);
    if (!watch)
        return 0;
    (void)weir__handle_close(handle.id, WEIR__KIND_NETIF_WATCH, &in_use, &object);
    weir_socket_close(watch->socket);
    if (weir__handle_leave(handle.id, 0))
        release(watch);
    return 0;
}

/* ---- a case of a select: one that receives from the socket ---- */

static int enter_case(struct weir__case *c, struct weir__task *task)
{
    const uint64_t id = c->id;
    struct watch *watch;
    int rc;

    (void)task;
    watch = weir__handle_enter(id, WEIR__KIND_NETIF_WATCH, WEIR__HANDLE_READER, &rc);
    if (!watch)
        return rc;
    c->object = watch;
    c->where[0] = weir__socket_enter(watch->socket, &rc);
    if (c->where[0]) {
        c->id = UINT64_MAX;
        return 0;
    }
    if (weir__handle_leave(id, WEIR__HANDLE_READER)) /* it was closed in between */
        release(watch);
    return WEIR_ECLOSED;
}

static void leave_case(struct weir__case *c, struct weir__task *task)
{
    struct watch *watch = c->object;

    (void)task;
    weir__socket_leave(c->where[0]);
    c->id = watch->id;
    if (weir__handle_leave(c->id, WEIR__HANDLE_READER))
        release(watch);
}

static bool attempt_case(struct weir__case *c, struct weir__task *task)
{
    struct watch *watch = c->object;
    struct weir_netif_event event;
    int rc;

    (void)task;
    memset(&event, 0, sizeof event);
    rc = next(watch, &event, c);
    if (rc < 0 && weir__handle_closed(watch->id))
        rc = WEIR_ECLOSED;
    c->result = deliver(&event, rc, c->data, c->len);
    return rc != WEIR_EAGAIN;
}

static enum weir__case_step enlist_case(struct weir__case *c, struct weir__select *select)
{
    return weir__socket_case_enlist(c->where[0], SIDE_READ, c, select);
}

static void withdraw_case(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    weir__socket_case_withdraw(c);
}

static const struct weir__case_calls case_calls = {.enter = enter_case,
                                                   .attempt = attempt_case,
                                                   .enlist = enlist_case,
                                                   .withdraw = withdraw_case,
                                                   .leave = leave_case,
                                                   .timed = true,
                                                   .looks = true};

void weir_case_netif_n(weir_case *out, weir_netif_watch watch, struct weir_netif_event *event,
                       size_t size)
{
    weir__case_fill(out, &case_calls, watch.id, event, size);
}
