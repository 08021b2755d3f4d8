/* test/support/answers.h - a name server that is a task of the test, so that a virtual clock waits
 * for it, and that knows what it was asked.
 *
 * What it says depends on the labels of a name: `no` there is no such name, `bare` the same without
 * a time, `empty` there is nothing of that type, `silent` no answer, `refuse`, `tN` a time to live
 * of N seconds, `big` names (PTR) that are long as text, `loop` the address 127.0.0.1, `half` no
 * answer but for A. Any other name has the address 192.0.2.1 and no AAAA, for 100 s. An SOA says
 * 30 s.
 */
#ifndef WEIR_TEST_SUPPORT_ANSWERS_H
#define WEIR_TEST_SUPPORT_ANSWERS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir.h>

#include "support/check.h"

struct answers {
    weir_socket socket;
    char servers[64];      /* its address, as options want it */
    uint32_t asked, ports; /* atomic: questions; senders that differ from the one before */
    char log[1024];        /* the names, each with a space behind it; for one worker */
    weir_address last;
};

/* The name of a question as text, and where its type stands. */
static inline size_t answers_name(const uint8_t *bytes, size_t len, char *out)
{
    size_t at = 12, used = 0;

    while (at < len && bytes[at]) {
        memcpy(out + used, bytes + at + 1, bytes[at]);
        used += bytes[at];
        out[used++] = '.';
        at += bytes[at] + 1u;
    }
    out[used ? used - 1 : 0] = 0;
    return at + 1;
}

static inline const char *answers_label(const char *name, const char *label)
{
    size_t len = strlen(label);

    for (; name; name = strchr(name, '.') ? strchr(name, '.') + 1 : NULL) {
        if (strncmp(name, label, len) == 0
            && (!name[len] || name[len] == '.' || (*label == 't' && name[len] <= '9')))
            return name;
    }
    return NULL;
}

/* Sixty times the same name, of bytes that are four characters each. */
static inline size_t answers_big(uint8_t *bytes, size_t at)
{
    size_t i, first = at + 12;

    bytes[3] = 0x80;
    bytes[7] = 60;
    for (i = 0; i < 60; i++) {
        size_t len = i ? 2 : 64 * 3 + 1;

        memcpy(bytes + at, (uint8_t[]){0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 100, 0, (uint8_t)len}, 12);
        memset(bytes + at + 12, 1, len);
        if (i) {
            bytes[at + 12] = (uint8_t)(0xc0 | first >> 8);
            bytes[at + 13] = (uint8_t)first;
        } else {
            bytes[at + 12] = bytes[at + 76] = bytes[at + 140] = 63;
            bytes[at + 204] = 0;
        }
        at += 12 + len;
    }
    return at;
}

static inline size_t answers_soa(uint8_t *out)
{
    static const uint8_t soa[] = {0, 0, 6, 0, 1, 0, 0, 0, 100, 0, 22, 0, 0, 0, 0, 0, 1,
                                  0, 0, 0, 2, 0, 0, 0, 3, 0,   0, 0,  4, 0, 0, 0, 30};

    memcpy(out, soa, sizeof soa);
    return sizeof soa;
}

/* Turns a question into its answer: how long it is, 0 for none. */
static inline size_t answers_turn(uint8_t *bytes, size_t len, const char *name, size_t type_at)
{
    const char *ttl = answers_label(name, "t");
    uint32_t ttl_s = ttl ? (uint32_t)atoi(ttl + 1) : 100;
    bool there = bytes[type_at + 1] == 1, no = answers_label(name, "no"),
         bare = answers_label(name, "bare");
    size_t at = type_at + 4;

    if (answers_label(name, "silent") || (answers_label(name, "half") && !there) || at > len)
        return 0;
    there &= !no && !bare && !answers_label(name, "empty") && !answers_label(name, "refuse");
    bytes[2] = 0x81;
    bytes[3] = (uint8_t)(0x80 | (no || bare ? 3 : answers_label(name, "refuse") ? 5 : 0));
    memset(bytes + 6, 0, 6);
    if (answers_label(name, "big"))
        return answers_big(bytes, at);
    bytes[7] = there;
    bytes[9] = !there && !bare;
    if (!there)
        return bare ? at : at + answers_soa(bytes + at);
    memcpy(bytes + at,
           (uint8_t[]){0xc0, 12, 0, 1, 0, 1, (uint8_t)(ttl_s >> 24), (uint8_t)(ttl_s >> 16),
                       (uint8_t)(ttl_s >> 8), (uint8_t)ttl_s, 0, 4, 192, 0, 2, 1},
           16);
    if (answers_label(name, "loop"))
        memcpy(bytes + at + 12, (uint8_t[]){127, 0, 0, 1}, 4);
    return at + 16;
}

static inline int answers_serve(void *arg)
{
    struct answers *answers = arg;
    uint8_t bytes[1500];
    char name[256];
    weir_address peer;
    ptrdiff_t n;

    while ((n = weir_recv_from(answers->socket, bytes, 1200, &peer)) > 12) {
        size_t type_at = answers_name(bytes, (size_t)n, name), len;

        __atomic_add_fetch(&answers->asked, 1, __ATOMIC_SEQ_CST);
        if (!weir_address_equal(&peer, &answers->last))
            __atomic_add_fetch(&answers->ports, 1, __ATOMIC_SEQ_CST);
        answers->last = peer;
        if (strlen(answers->log) + strlen(name) + 2 < sizeof answers->log)
            strcat(strcat(answers->log, name), " ");
        len = answers_turn(bytes, (size_t)n, name, type_at);
        if (len)
            (void)weir_send_to(answers->socket, bytes, len, &peer);
    }
    return 0;
}

/* Opens its socket and spawns its task, which ends with the scope. */
static inline int answers_begin(struct answers *answers, weir_scope *scope)
{
    weir_address address;
    int rc;

    memset(answers, 0, sizeof *answers);
    rc = weir_bind(&answers->socket, "udp://127.0.0.1:0", NULL);
    if (rc == 0)
        rc = weir_socket_local(answers->socket, &address);
    if (rc < 0)
        return rc;
    snprintf(answers->servers, sizeof answers->servers, "127.0.0.1:%d",
             weir_address_port(&address));
    return weir_spawn(scope, answers_serve, answers);
}

#endif
