/* net/message.h - receiving and sending one message without waiting: what the calls and the cases
 * of a select (message_case.c) share. */
#ifndef WEIR_NET_MESSAGE_H
#define WEIR_NET_MESSAGE_H

#include <sys/socket.h>

#include "net/message_op.h"
#include "net/socket.h"

/* A receive: the caller sets the message, the control room and the flags. */
struct weir__receiving {
    struct weir_message *message;
    struct msghdr header;
    struct iovec part;
    struct weir__control control;
    int flags;
};

/* The room that a message has itself. */
static inline struct weir__control weir__message_room(struct weir_message *message)
{
    return (struct weir__control){message->weir__room, sizeof message->weir__room};
}

int weir__message_receive_flags(const struct weir__socket *socket);
/* `arg` is the struct weir__receiving: 1, an error, or WEIR_EAGAIN. */
int weir__message_try_receive(struct weir__socket *socket, void *arg);
/* `arg` is the header: bytes, an error, or WEIR_EAGAIN. */
int weir__message_try_send(struct weir__socket *socket, void *arg);

/* The result of a call of which `n` is the try's: 0 or an error; or how much, if it was a part,
 * which only the socket of a stream sends. */
static inline int weir__message_sent(const struct weir__socket *socket, int n, size_t len)
{
    return n < 0 || (socket->type == SOCK_STREAM && (size_t)n != len) ? n : 0;
}

#endif
