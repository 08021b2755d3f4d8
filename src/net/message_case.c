/* net/message_case.c - messages as cases of a select; see task/case.h.
 *
 * A case stands in the queue of the socket's side, and receives or sends when it is granted. While
 * it is entered its `id` is a moment, and the socket has the handle.
 */
#include <limits.h>

#include "net/message.h"
#include "net/socket.h"
#include "task/case.h"

static int enter(struct weir__case *c)
{
    int error;

    c->object = weir__socket_enter((weir_socket){c->id}, &error);
    if (!c->object)
        return error;
    c->id = UINT64_MAX;
    return 0;
}

static int enter_bytes(struct weir__case *c, struct weir__task *task)
{
    const weir_address *peer = c->where[0];

    (void)task;
    return c->len > INT32_MAX || (peer && peer->len > sizeof peer->storage) ? WEIR_EINVAL
                                                                            : enter(c);
}

/* What is received into is not looked at. */
static int enter_room(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    return c->len > INT32_MAX ? WEIR_EINVAL : enter(c);
}

static int enter_message(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    return c->len < sizeof(struct weir_message) ? WEIR_EVERSION : enter(c);
}

static int enter_message_room(struct weir__case *c, struct weir__task *task)
{
    const struct weir_message *message = c->data;

    if (c->len >= sizeof *message && message->cap > INT32_MAX)
        return WEIR_EINVAL;
    return enter_message(c, task);
}

static void leave(struct weir__case *c, struct weir__task *task)
{
    struct weir__socket *socket = c->object;

    (void)task;
    c->id = socket->id;
    weir__socket_leave(socket);
}

static void withdraw(struct weir__case *c, struct weir__task *task)
{
    (void)task;
    weir__socket_case_withdraw(c);
}

/* ---- receiving ---- */

static enum weir__case_step enlist_receive(struct weir__case *c, struct weir__select *select)
{
    return weir__socket_case_enlist(c->object, SIDE_READ, c, select);
}

static int receive(struct weir__case *c, struct weir_message *message, struct weir__control control)
{
    struct weir__receiving r = {
        .message = message, .control = control, .flags = weir__message_receive_flags(c->object)};
    int rc = weir__socket_case_try(c->object, SIDE_READ, c, weir__message_try_receive, &r);

    return rc < 0 ? rc : message->flags & WEIR_MESSAGE_TRUNCATED ? WEIR_EMSGSIZE : 0;
}

static bool attempt_receive_from(struct weir__case *c, struct weir__task *task)
{
    struct weir_message message;
    weir_address *peer = c->where[0];
    int rc;

    (void)task;
    message.bytes = c->data;
    message.cap = c->len;
    message.descriptors = NULL;
    message.descriptors_cap = 0;
    rc = receive(c, &message, weir__message_room(&message));
    c->result = rc < 0 ? rc : (ptrdiff_t)message.len;
    if (rc == 0 && peer)
        *peer = message.peer;
    return rc != WEIR_EAGAIN;
}

/* Apart, so that its frame is there only where descriptors are taken. */
static __attribute__((noinline)) int receive_descriptors(struct weir__case *c)
{
    union weir__control_room room;

    return receive(c, c->data, (struct weir__control){room.bytes, sizeof room.bytes});
}

static bool attempt_receive(struct weir__case *c, struct weir__task *task)
{
    struct weir_message *message = c->data;

    (void)task;
    c->result = message->descriptors_cap ? receive_descriptors(c)
                                         : receive(c, message, weir__message_room(message));
    return c->result != WEIR_EAGAIN;
}

static const struct weir__case_calls receive_from_calls = {.enter = enter_room,
                                                           .attempt = attempt_receive_from,
                                                           .enlist = enlist_receive,
                                                           .withdraw = withdraw,
                                                           .leave = leave,
                                                           .timed = true,
                                                           .looks = true};

static const struct weir__case_calls receive_calls = {.enter = enter_message_room,
                                                      .attempt = attempt_receive,
                                                      .enlist = enlist_receive,
                                                      .withdraw = withdraw,
                                                      .leave = leave,
                                                      .timed = true,
                                                      .looks = true};

void weir_case_recv_from(weir_case *out, weir_socket socket, void *bytes, size_t cap,
                         weir_address *peer)
{
    weir__case_fill(out, &receive_from_calls, socket.id, bytes, cap);
    weir__case_of(out)->where[0] = peer;
}

void weir_case_recv_message_n(weir_case *out, weir_socket socket, struct weir_message *message,
                              size_t size)
{
    weir__case_fill(out, &receive_calls, socket.id, message, size);
}

/* ---- sending ---- */

static enum weir__case_step enlist_send(struct weir__case *c, struct weir__select *select)
{
    return weir__socket_case_enlist(c->object, SIDE_WRITE, c, select);
}

static int send_header(struct weir__case *c, struct msghdr *header, size_t len)
{
    int n = weir__socket_case_try(c->object, SIDE_WRITE, c, weir__message_try_send, header);

    return weir__message_sent(c->object, n, len);
}

static bool attempt_send_to(struct weir__case *c, struct weir__task *task)
{
    const weir_address *peer = c->where[0];
    struct iovec part = {c->data, c->len};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

    (void)task;
    if (peer) {
        header.msg_name = (void *)(uintptr_t)peer->storage;
        header.msg_namelen = peer->len;
    }
    c->result = send_header(c, &header, c->len);
    return c->result != WEIR_EAGAIN;
}

static int send_with(struct weir__case *c, struct weir__control control)
{
    const struct weir_message *message = c->data;
    const struct weir__socket *socket = c->object;
    struct msghdr header;
    struct iovec part;
    int rc = weir__message_fill(message, socket->family, &header, &part, control);

    return rc < 0 ? rc : send_header(c, &header, message->len);
}

static __attribute__((noinline)) int send_descriptors(struct weir__case *c)
{
    union weir__control_room room;

    return send_with(c, (struct weir__control){room.bytes, sizeof room.bytes});
}

static bool attempt_send(struct weir__case *c, struct weir__task *task)
{
    struct weir_message *message = c->data;

    (void)task;
    c->result = message->fields & WEIR_FIELD_DESCRIPTORS
                    ? send_descriptors(c)
                    : send_with(c, weir__message_room(message));
    return c->result != WEIR_EAGAIN;
}

static const struct weir__case_calls send_to_calls = {.enter = enter_bytes,
                                                      .attempt = attempt_send_to,
                                                      .enlist = enlist_send,
                                                      .withdraw = withdraw,
                                                      .leave = leave,
                                                      .timed = true,
                                                      .looks = true};

static const struct weir__case_calls send_calls = {.enter = enter_message,
                                                   .attempt = attempt_send,
                                                   .enlist = enlist_send,
                                                   .withdraw = withdraw,
                                                   .leave = leave,
                                                   .timed = true,
                                                   .looks = true};

void weir_case_send_to(weir_case *out, weir_socket socket, const void *bytes, size_t len,
                       const weir_address *peer)
{
    weir__case_fill(out, &send_to_calls, socket.id, (void *)(uintptr_t)bytes, len);
    weir__case_of(out)->where[0] = (void *)(uintptr_t)peer;
}

void weir_case_send_message_n(weir_case *out, weir_socket socket, struct weir_message *message,
                              size_t size)
{
    weir__case_fill(out, &send_calls, socket.id, message, size);
}
