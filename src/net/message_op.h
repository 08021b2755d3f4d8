/* net/message_op.h - a struct weir_message as the kernel sees it: header, parts and control data.
 *
 * Fills what recvmsg and sendmsg take, and reads what they gave. Control data stands in the room
 * that the message itself has, or in more of it where descriptors may come. Any thread.
 */
#ifndef WEIR_NET_MESSAGE_OP_H
#define WEIR_NET_MESSAGE_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <weir/socket.h>

#define WEIR__DESCRIPTORS_MAX 253 /* the kernel's SCM_MAX_FD */

/* What came: all of it is control data, and the socket's family says what may. */
struct weir__control {
    void *bytes;
    size_t size;
};

/* Room for everything at once, with as many descriptors as there can be. */
union weir__control_room {
    uint64_t align;
    unsigned char bytes[1280];
};

/* Prepares a receive; the message, the part and the control room are borrowed until it is done. */
void weir__message_expect(struct weir_message *message, struct msghdr *header, struct iovec *part,
                          struct weir__control control);
/* Reads what a receive on a socket of a family gave: `n` is its result, with MSG_TRUNC. Descriptors
 * that find no room are closed. */
void weir__message_read(struct weir_message *message, int family, const struct msghdr *header,
                        size_t n);

/* Prepares a send on a socket of a family: 0, or WEIR_EINVAL for what cannot go. */
int weir__message_fill(const struct weir_message *message, int family, struct msghdr *header,
                       struct iovec *part, struct weir__control control);

/* Reads an entry of the error queue. */
void weir__message_read_error(struct weir_socket_error *error, const struct msghdr *header);

/* Sets the descriptors that a control message of SCM_RIGHTS sends; the header gets the room that
 * was used. `count` is 1..WEIR__DESCRIPTORS_MAX. */
void weir__message_put_descriptors(struct msghdr *header, struct weir__control control,
                                   const int *descriptors, uint32_t count);
/* Takes the descriptors out of what came: as many as fit; the others are closed, and *lost is set.
 * How many were taken. */
uint32_t weir__message_take_descriptors(const struct msghdr *header, int *out, uint32_t cap,
                                        bool *lost);

/* The options that make fields come, set on a socket: 0, or WEIR_ENOTSUP. */
int weir__message_want(int fd, uint32_t fields);

#endif
