/* net/netif_op.h - messages of rtnetlink: questions, and what their answers say.
 *
 * Pure: bytes in, facts out. The bytes are the kernel's, and lengths are checked all the same.
 */
#ifndef WEIR_NET_NETIF_OP_H
#define WEIR_NET_NETIF_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/netif.h>

enum weir__netif_kind {
    NETIF_OTHER, /* something that nobody has asked for */
    NETIF_LINK,
    NETIF_LINK_GONE,
    NETIF_ADDRESS,
    NETIF_ADDRESS_GONE,
    NETIF_DONE, /* the end of an answer */
    NETIF_ERROR /* `code` */
};

struct weir__netif_item {
    enum weir__netif_kind kind;
    uint32_t sequence; /* of the question; 0: none was asked */
    bool torn;         /* there were changes while the answer was made */
    int code;          /* -errno */
    union {
        struct weir_netif link;
        struct weir_netif_address address;
    };
};

/* What is left of the bytes of one or more messages. */
struct weir__netif_cursor {
    const unsigned char *at;
    size_t left;
};

/* Takes the next message: false when there is none, or none that is whole. */
bool weir__netif_take(struct weir__netif_cursor *cursor, struct weir__netif_item *out);

enum weir__netif_question {
    NETIF_ASK_LINKS,
    NETIF_ASK_ADDRESSES
};

#define WEIR__NETIF_QUESTION_MAX 64

/* Writes a question with a number: its length. */
size_t weir__netif_ask(unsigned char out[WEIR__NETIF_QUESTION_MAX],
                       enum weir__netif_question question, uint32_t sequence);

/* The address to bind to for all changes. */
void weir__netif_groups(weir_address *out);
/* Whether a message comes from the kernel. */
bool weir__netif_from_kernel(const weir_address *sender);

#endif
