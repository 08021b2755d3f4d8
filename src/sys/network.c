/* sys/network.c - see network.h. */
#include "sys/network.h"

#include <weir/error.h>

#include "base/alloc.h"
#include "sys/call.h"

#define FILE_CHUNK 65536

const struct weir__network *weir__network;
bool weir__network_on;

int weir__network_sendmsg(int fd, const struct msghdr *message)
{
    size_t i;
    int sent = 0;

    if (weir__network->has_messages(fd))
        return weir__network->send_message(fd, message);
    for (i = 0; i < message->msg_iovlen; i++) {
        const struct iovec *part = &message->msg_iov[i];
        int rc = part->iov_len ? weir__network->send(fd, part->iov_base, part->iov_len) : 0;

        if (rc < 0)
            return sent ? sent : rc;
        sent += rc;
        if ((size_t)rc < part->iov_len)
            break;
    }
    return sent;
}

int weir__network_recvmsg(int fd, struct msghdr *message, int flags)
{
    size_t i;
    int got = 0;

    if (weir__network->has_messages(fd))
        return weir__network->recv_message(fd, message, flags);
    message->msg_flags = 0;
    message->msg_controllen = 0;
    for (i = 0; i < message->msg_iovlen; i++) {
        const struct iovec *part = &message->msg_iov[i];
        int rc = part->iov_len ? weir__network->recv(fd, part->iov_base, part->iov_len, flags) : 0;

        if (rc < 0)
            return got ? got : rc;
        got += rc;
        if ((size_t)rc < part->iov_len || (flags & MSG_PEEK)) /* the next would see the same */
            break;
    }
    return got;
}

int weir__network_sendmmsg(int fd, struct mmsghdr *messages, unsigned count)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        int rc = weir__network_sendmsg(fd, &messages[i].msg_hdr);

        if (rc < 0)
            return i ? (int)i : rc;
        messages[i].msg_len = (unsigned)rc;
    }
    return (int)i;
}

int weir__network_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        int rc = weir__network_recvmsg(fd, &messages[i].msg_hdr, flags);

        if (rc < 0)
            return i ? (int)i : rc;
        messages[i].msg_len = (unsigned)rc;
    }
    return (int)i;
}

/* A chunk of the file, in memory of its own: a task's stack is small. */
int weir__network_sendfile(int to, int from, off_t *offset, size_t len)
{
    size_t most = len < FILE_CHUNK ? len : FILE_CHUNK;
    void *bytes;
    int rc = weir__network->poll(to, POLLOUT);

    if (rc == 0)
        return WEIR_EAGAIN;
    bytes = weir__alloc(most);
    if (!bytes)
        return WEIR_ENOMEM;
    rc = weir__sys_pread(from, bytes, most, *offset);
    if (rc > 0)
        rc = weir__network->send(to, bytes, (size_t)rc);
    if (rc > 0)
        *offset += rc;
    weir__free(bytes);
    return rc;
}

int weir__network_poll(struct pollfd *fd)
{
    int rc = weir__network->poll(fd->fd, fd->events);

    if (rc < 0)
        return rc;
    fd->revents = (short)rc;
    return rc != 0;
}
