/* net/netif.c - the list of interfaces and addresses. See <weir/netif.h>.
 *
 * Two questions to the kernel, one after the other, on a socket of their own. An answer comes in
 * any number of messages; the kernel marks those that were made while something changed, and the
 * question is asked anew then, so that the list is one that there was.
 */
#include "net/netif.h"

#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "core/sim.h"
#include "net/netif_op.h"
#include "sys/current.h"
#include "task/task.h"

#define TRIES      16
#define ROOM_FIRST 8

int weir__netif_receive(weir_socket socket, void *bytes, size_t cap)
{
    struct weir_message message;
    int rc;

    do {
        message.bytes = bytes;
        message.cap = cap;
        message.descriptors = NULL;
        message.descriptors_cap = 0;
        rc = weir_recv_message(socket, &message);
    } while (rc == 0 && !weir__netif_from_kernel(&message.peer));
    return rc < 0 ? rc : (int)message.len;
}

/* ---- growing lists ---- */

/* Room for one more of `size` bytes: the list, or NULL. Lists have room for a power of two. */
static void *grow(void *list, size_t count, size_t size)
{
    bool full = count == 0 || (count >= ROOM_FIRST && (count & (count - 1)) == 0);
    size_t room = count == 0 ? ROOM_FIRST : 2 * count;

    return full ? weir__realloc(list, room * size) : list;
}

int weir__netif_add(struct weir_netifs *list, const struct weir_netif *link)
{
    void *grown = grow(list->interfaces, list->interface_count, sizeof *link);

    if (!grown)
        return WEIR_ENOMEM;
    list->interfaces = grown;
    list->interfaces[list->interface_count++] = *link;
    return 0;
}

static int add_address(struct weir_netifs *list, const struct weir_netif_address *address)
{
    void *grown = grow(list->addresses, list->address_count, sizeof *address);

    if (!grown)
        return WEIR_ENOMEM;
    list->addresses = grown;
    list->addresses[list->address_count++] = *address;
    return 0;
}

/* ---- one question ---- */

struct scan {
    weir_socket socket;
    uint32_t sequence;
    struct weir_netifs list;
    bool torn;
    unsigned char bytes[WEIR__NETIF_MESSAGE_MAX];
};

/* 1: the answer has ended; 0, or an error. */
static int take_item(struct scan *scan, const struct weir__netif_item *item)
{
    if (item->sequence != scan->sequence)
        return 0;
    scan->torn |= item->torn;
    switch (item->kind) {
    case NETIF_LINK:
        return weir__netif_add(&scan->list, &item->link);
    case NETIF_ADDRESS:
        return add_address(&scan->list, &item->address);
    case NETIF_DONE:
    case NETIF_ERROR:
        return item->code < 0 ? item->code : 1;
    case NETIF_OTHER:
    case NETIF_LINK_GONE:
    case NETIF_ADDRESS_GONE:
        break;
    }
    return 0;
}

static int ask(struct scan *scan, enum weir__netif_question question)
{
    unsigned char bytes[WEIR__NETIF_QUESTION_MAX];
    struct weir__netif_cursor cursor;
    struct weir__netif_item item;
    int n, rc;

    rc = weir_send(scan->socket, bytes, weir__netif_ask(bytes, question, ++scan->sequence));
    while (rc == 0) {
        n = weir__netif_receive(scan->socket, scan->bytes, sizeof scan->bytes);
        if (n < 0)
            return n;
        cursor = (struct weir__netif_cursor){scan->bytes, (size_t)n};
        while (rc == 0 && weir__netif_take(&cursor, &item))
            rc = take_item(scan, &item);
    }
    return rc < 0 ? rc : 0;
}

/* ---- the list ---- */

static int ask_all(struct scan *scan, bool links_only)
{
    int rc, tries;

    for (tries = 0; tries < TRIES; tries++) {
        scan->torn = false;
        weir_netif_free(&scan->list);
        rc = ask(scan, NETIF_ASK_LINKS);
        if (rc == 0 && !links_only)
            rc = ask(scan, NETIF_ASK_ADDRESSES);
        if (rc < 0 || !scan->torn)
            return rc;
    }
    return WEIR_EAGAIN;
}

static int scan_with(struct scan *scan, struct weir_netifs *out, bool links_only)
{
    int rc = weir_socket_open(&scan->socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, NULL);

    if (rc < 0)
        return rc;
    rc = ask_all(scan, links_only);
    weir_socket_close(scan->socket);
    if (rc < 0)
        weir_netif_free(&scan->list);
    else
        *out = scan->list;
    return rc;
}

int weir__netif_scan(struct weir_netifs *out, bool links_only)
{
    struct scan *scan;
    int rc;

    if (weir__sim_on())
        return WEIR_EAFNOSUPPORT;
    scan = weir__alloc(sizeof *scan);
    if (!scan)
        return WEIR_ENOMEM;
    scan->sequence = 0;
    memset(&scan->list, 0, sizeof scan->list);
    rc = scan_with(scan, out, links_only);
    weir__free(scan);
    return rc;
}

int weir_netif_list(struct weir_netifs *out)
{
    WEIR__CALL;

    return weir__task_current() ? weir__netif_scan(out, false) : WEIR_ENOTASK;
}

void weir_netif_free(struct weir_netifs *list)
{
    WEIR__CALL;

    weir__free(list->interfaces);
    weir__free(list->addresses);
    memset(list, 0, sizeof *list);
}
