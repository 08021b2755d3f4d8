/* test/support/dial.h - dialling by a task of its own, while the test accepts. */
#ifndef WEIR_TEST_SUPPORT_DIAL_H
#define WEIR_TEST_SUPPORT_DIAL_H

#include <weir.h>

#include "support/check.h"

struct dialling {
    char address[WEIR_ADDRESS_TEXT_MAX];
    weir_stream stream;
    int rc;
};

static inline int dial(void *arg)
{
    struct dialling *dialling = arg;

    dialling->rc = weir_dial(&dialling->stream, dialling->address);
    return 0;
}

/* Two ends of a TCP connection, each to be closed. In a task. */
static inline void dial_pair(weir_stream ends[2])
{
    struct dialling dialling = {.rc = 1};
    weir_listener listener;
    weir_scope scope;

    CHECK(weir_listen(&listener, "tcp://127.0.0.1:0", NULL) == 0);
    CHECK(weir_listener_address(listener, dialling.address, sizeof dialling.address) >= 0);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, dial, &dialling) == 0);
    CHECK(weir_accept(listener, &ends[1]) == 0);
    CHECK(weir_scope_join(&scope) == 0 && dialling.rc == 0);
    ends[0] = dialling.stream;
    CHECK(weir_listener_close(listener) == 0);
}

#endif
