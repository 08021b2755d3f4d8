/* net/message.c - receiving and sending messages. See <weir/socket.h>.
 *
 * A single message goes through recvmsg and sendmsg, many through recvmmsg and sendmmsg, a bounded
 * number a call, so that the headers stand on the task's stack. Control data stands in the room of
 * the messages; only where a call can bring any number of descriptors there is more.
 */
#include <limits.h>
#include <string.h>

#include "net/message.h"
#include "net/socket.h"
#include "sys/call.h"
#include "sys/current.h"
#include "task/task.h"

#define BATCH_MAX 32 /* messages a system call */

/* ---- one ---- */

/* 1: a message; or an error. */
static int read_message(struct weir__socket *socket, struct weir_message *message,
                        const struct msghdr *header, size_t n)
{
    bool empty = n == 0 && header->msg_controllen == 0 && !(header->msg_flags & MSG_CTRUNC);

    if (empty && (socket->type == SOCK_STREAM || socket->type == SOCK_SEQPACKET))
        return message->cap || socket->type == SOCK_SEQPACKET ? WEIR_EEOF : 1;
    weir__message_read(message, socket->family, header, n);
    return 1;
}

int weir__message_try_receive(struct weir__socket *socket, void *arg)
{
    struct weir__receiving *r = arg;
    int n;

    weir__message_expect(r->message, &r->header, &r->part, r->control);
    n = weir__sys_recvmsg(socket->fd.number, &r->header, r->flags);
    return n < 0 ? n : read_message(socket, r->message, &r->header, (size_t)n);
}

/* On a stream MSG_TRUNC throws bytes away instead of telling how many there are. Packet sockets
 * refuse the flag for descriptors. */
int weir__message_receive_flags(const struct weir__socket *socket)
{
    return MSG_DONTWAIT | (socket->family == AF_UNIX ? MSG_CMSG_CLOEXEC : 0)
           | (socket->type == SOCK_STREAM ? 0 : MSG_TRUNC);
}

static int receive(weir_socket handle, struct weir_message *message, struct weir__control control)
{
    struct weir__receiving r = {.message = message, .control = control};
    struct weir__task *task;
    struct weir__socket *socket;
    int rc;

    if (message->cap > INT32_MAX)
        return WEIR_EINVAL;
    socket = weir__socket_begin(handle, &task, &rc);
    if (!socket)
        return rc;
    r.flags = weir__message_receive_flags(socket);
    rc = weir__socket_do(socket, task, SIDE_READ, weir__message_try_receive, &r);
    weir__socket_leave(socket);
    return rc < 0 ? rc : message->flags & WEIR_MESSAGE_TRUNCATED ? WEIR_EMSGSIZE : 0;
}

ptrdiff_t weir_recv_from(weir_socket socket, void *bytes, size_t cap, weir_address *peer)
{
    WEIR__CALL;
    struct weir_message message;
    int rc;

    message.bytes = bytes;
    message.cap = cap;
    message.descriptors = NULL;
    message.descriptors_cap = 0;
    rc = receive(socket, &message, weir__message_room(&message));
    if (rc < 0)
        return rc;
    if (peer)
        *peer = message.peer;
    return (ptrdiff_t)message.len;
}

/* Apart, so that its frame is there only where descriptors are taken. */
static __attribute__((noinline)) int receive_descriptors(weir_socket socket,
                                                         struct weir_message *message)
{
    union weir__control_room room;

    return receive(socket, message, (struct weir__control){room.bytes, sizeof room.bytes});
}

int weir_recv_message_n(weir_socket socket, struct weir_message *message, size_t size)
{
    WEIR__CALL;

    if (size < sizeof *message)
        return WEIR_EVERSION;
    return message->descriptors_cap ? receive_descriptors(socket, message)
                                    : receive(socket, message, weir__message_room(message));
}

int weir__message_try_send(struct weir__socket *socket, void *arg)
{
    const struct msghdr *header = arg;

    return weir__sys_sendmsg(socket->fd.number, header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int send_header(struct weir__socket *socket, struct weir__task *task, struct msghdr *header,
                       size_t len)
{
    int n = weir__socket_do(socket, task, SIDE_WRITE, weir__message_try_send, header);

    return weir__message_sent(socket, n, len);
}

int weir_send_to(weir_socket handle, const void *bytes, size_t len, const weir_address *peer)
{
    WEIR__CALL;
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    struct weir__task *task;
    struct weir__socket *socket;
    int rc;

    if (len > INT32_MAX || (peer && peer->len > sizeof peer->storage))
        return WEIR_EINVAL;
    if (peer) {
        header.msg_name = (void *)(uintptr_t)peer->storage;
        header.msg_namelen = peer->len;
    }
    socket = weir__socket_begin(handle, &task, &rc);
    if (!socket)
        return rc;
    rc = send_header(socket, task, &header, len);
    weir__socket_leave(socket);
    return rc;
}

static int send_with(weir_socket handle, const struct weir_message *message,
                     struct weir__control control)
{
    struct msghdr header;
    struct iovec part;
    struct weir__task *task;
    int rc;
    struct weir__socket *socket = weir__socket_begin(handle, &task, &rc);

    if (!socket)
        return rc;
    rc = weir__message_fill(message, socket->family, &header, &part, control);
    if (rc == 0)
        rc = send_header(socket, task, &header, message->len);
    weir__socket_leave(socket);
    return rc;
}

static __attribute__((noinline)) int send_descriptors(weir_socket socket,
                                                      const struct weir_message *message)
{
    union weir__control_room room;

    return send_with(socket, message, (struct weir__control){room.bytes, sizeof room.bytes});
}

int weir_send_message_n(weir_socket socket, struct weir_message *message, size_t size)
{
    WEIR__CALL;

    if (size < sizeof *message)
        return WEIR_EVERSION;
    return message->fields & WEIR_FIELD_DESCRIPTORS
               ? send_descriptors(socket, message)
               : send_with(socket, message, weir__message_room(message));
}

/* ---- many ---- */

struct batch {
    unsigned char *first; /* of the messages, `size` bytes each */
    size_t size;
    uint32_t count; /* at most BATCH_MAX */
    int flags;
    struct mmsghdr headers[BATCH_MAX];
    struct iovec parts[BATCH_MAX];
};

static struct weir_message *message_at(const struct batch *batch, uint32_t i)
{
    return (struct weir_message *)(void *)(batch->first + i * batch->size);
}

/* How many came. A connection that has ended ends the batch before it. */
static int read_batch(struct weir__socket *socket, struct batch *batch, int n)
{
    int i, rc = 0;

    for (i = 0; i < n; i++) {
        const struct mmsghdr *it = &batch->headers[i];

        rc = read_message(socket, message_at(batch, (uint32_t)i), &it->msg_hdr, it->msg_len);
        if (rc < 0)
            return i ? i : rc;
    }
    return n;
}

static int try_receive_batch(struct weir__socket *socket, void *arg)
{
    struct batch *batch = arg;
    uint32_t i;
    int n;

    for (i = 0; i < batch->count; i++) {
        struct weir_message *message = message_at(batch, i);

        weir__message_expect(message, &batch->headers[i].msg_hdr, &batch->parts[i],
                             weir__message_room(message));
    }
    n = weir__sys_recvmmsg(socket->fd.number, batch->headers, batch->count, batch->flags);
    return n < 0 ? n : read_batch(socket, batch, n);
}

static bool sizes_fit(const unsigned char *first, size_t count, size_t size)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (((const struct weir_message *)(const void *)(first + i * size))->cap > INT32_MAX)
            return false;
    }
    return true;
}

int weir_recv_batch_n(weir_socket handle, struct weir_message *messages, size_t count, size_t size)
{
    WEIR__CALL;
    struct batch batch;
    struct weir__task *task;
    struct weir__socket *socket;
    int rc, total = 0;

    if (size < sizeof *messages)
        return WEIR_EVERSION;
    if (count == 0 || count > INT_MAX || !sizes_fit((void *)messages, count, size))
        return WEIR_EINVAL;
    socket = weir__socket_begin(handle, &task, &rc);
    if (!socket)
        return rc;
    batch.flags = weir__message_receive_flags(socket);
    batch.size = size;
    do {
        size_t left = count - (size_t)total;

        batch.first = (unsigned char *)messages + (size_t)total * size;
        batch.count = left < BATCH_MAX ? (uint32_t)left : BATCH_MAX;
        rc = total ? try_receive_batch(socket, &batch)
                   : weir__socket_do(socket, task, SIDE_READ, try_receive_batch, &batch);
        total += rc > 0 ? rc : 0;
    } while (rc == BATCH_MAX && (size_t)total < count);
    weir__socket_leave(socket);
    return total ? total : rc;
}

static int try_send_batch(struct weir__socket *socket, void *arg)
{
    struct batch *batch = arg;

    return weir__sys_sendmmsg(socket->fd.number, batch->headers, batch->count, batch->flags);
}

/* Fills as many headers as can be: how many, or the error of the first. */
static int fill_batch(struct batch *batch, int family)
{
    uint32_t i;

    for (i = 0; i < batch->count; i++) {
        struct weir_message *message = message_at(batch, i);
        int rc = weir__message_fill(message, family, &batch->headers[i].msg_hdr, &batch->parts[i],
                                    weir__message_room(message));

        if (rc < 0)
            return i ? (int)i : rc;
    }
    return (int)i;
}

int weir_send_batch_n(weir_socket handle, struct weir_message *messages, size_t count, size_t size)
{
    WEIR__CALL;
    struct batch batch;
    struct weir__task *task;
    struct weir__socket *socket;
    int rc, total = 0;

    if (size < sizeof *messages)
        return WEIR_EVERSION;
    if (count == 0 || count > INT_MAX)
        return WEIR_EINVAL;
    socket = weir__socket_begin(handle, &task, &rc);
    if (!socket)
        return rc;
    batch.flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    batch.size = size;
    do {
        size_t left = count - (size_t)total;

        batch.first = (unsigned char *)messages + (size_t)total * size;
        batch.count = left < BATCH_MAX ? (uint32_t)left : BATCH_MAX;
        rc = fill_batch(&batch, socket->family);
        batch.count = rc > 0 ? (uint32_t)rc : 0;
        if (rc > 0)
            rc = weir__socket_do(socket, task, SIDE_WRITE, try_send_batch, &batch);
        total += rc > 0 ? rc : 0;
    } while (rc > 0 && (size_t)total < count);
    weir__socket_leave(socket);
    return total ? total : rc;
}

/* ---- the error queue ---- */

ptrdiff_t weir_recv_error_n(weir_socket handle, struct weir_socket_error *out, size_t size,
                            void *bytes, size_t cap)
{
    WEIR__CALL;
    struct weir_socket_error error;
    union weir__control_room room;
    struct iovec part = {bytes, cap};
    struct msghdr header = {.msg_name = error.peer.storage,
                            .msg_namelen = sizeof error.peer.storage,
                            .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = room.bytes,
                            .msg_controllen = sizeof room.bytes};
    struct weir__socket *socket;
    int rc;

    if (size < sizeof *out)
        return WEIR_EVERSION;
    if (cap > INT32_MAX)
        return WEIR_EINVAL;
    memset(&error, 0, sizeof error);
    socket = weir__socket_enter(handle, &rc);
    if (!socket)
        return rc;
    rc = weir__sys_recvmsg(socket->fd.number, &header, MSG_ERRQUEUE | MSG_DONTWAIT);
    weir__socket_leave(socket);
    if (rc < 0)
        return rc;
    weir__message_read_error(&error, &header);
    *out = error;
    return rc;
}
