/* test/support/dial.h - dialling by a task of its own, while the test accepts. */
#ifndef WEIR_TEST_SUPPORT_DIAL_H
#define WEIR_TEST_SUPPORT_DIAL_H

#include <weir.h>

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

#endif
