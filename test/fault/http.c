/* test/fault/http.c - a server of files and its client, while the n-th allocation or system call
 * fails, for every n.
 *
 * Both are tasks of one worker. Two conversations go through what the server has: its cache,
 * pipelined requests, heads and bodies that come in pieces, refusals, ranges, sendfile into a full
 * socket, room that lacks and is made. A fault may cost an answer or the connection, or turn an
 * answer into a 500 or 503; it may not crash, hang or keep anything, no byte that the client gets
 * may be wrong, and the connection after it is served.
 */
#include "test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <weir.h>

#include "base/fault.h"
#include "core/handle.h"
#include "support/check.h"

enum {
    HEAD_MAX = 1024,
    SMALL = 26,
    INDEX = 300,
    MIDDLE = 40 * 1024, /* from the cache; two of them do not fit into one chunk */
    LARGE = 150 * 1024, /* from the descriptor */
    PART_A = 10,        /* where the parts of a multipart answer begin */
    PART_B = 90000,
    PART_LEN = 10,
    SEND_BUFFER = 32 * 1024,
    RUN_MAX_S = 5, /* one run; a server that waits for its drain limit takes longer */
};

#define LIMIT_NS WEIR_SECONDS(2) /* of a connection; only what hangs reaches it */

/* All files are made of this, from their first byte on. */
static char content[LARGE];
static char folder[64];

static const struct {
    const char *name;
    size_t len;
} files[] = {
    {"small.txt", SMALL}, {"index.html", INDEX}, {"middle.bin", MIDDLE}, {"large.bin", LARGE}};

/* ---- what is said ---- */

enum shape {
    FILE_PART, /* `len` bytes of the content, from `from` */
    HEADLESS,  /* no body, of `len` bytes */
    PARTS,     /* multipart/byteranges */
    REFUSAL,   /* a line of text that begins with the status */
    INTERIM,   /* the final answer is still to come */
    NOTHING,   /* no answer; the next piece is sent after a pause. All goes well without it too. */
};

/* Bytes to send, and one answer that is wanted. */
struct step {
    const char *send; /* NULL: went with an earlier step */
    int status;
    enum shape shape;
    uint32_t from, len;
    const char *field; /* in the head as well; NULL: none */
    bool closes;
};

#define REQUEST(method_, path_, fields_)                                                           \
    method_ " " path_ " HTTP/1.1\r\nHost: weir\r\n" fields_ "\r\n"
#define GET(path_) REQUEST("GET", path_, "")
#define TEN        "0123456789"

static const struct step small_answers[] = {
    {"GET /sma", 0, NOTHING, 0, 0, NULL, false},
    {"ll.txt HTTP/1.1\r\nHost: weir\r\n\r\n", 200, FILE_PART, 0, SMALL, "Content-Type: text/plain",
     false},
    {GET("/") GET("/gone"), 200, FILE_PART, 0, INDEX, "Content-Type: text/html", false},
    {NULL, 404, REFUSAL, 0, 0, NULL, false},
    {REQUEST("HEAD", "/small.txt", ""), 200, HEADLESS, 0, SMALL, "ETag: ", false},
    {REQUEST("GET", "/small.txt", "Range: bytes=3-8\r\n"), 206, FILE_PART, 3, 6,
     "Content-Range: bytes 3-8/26\r\n", false},
    {GET("/small.txt") "GET /sma", 200, FILE_PART, 0, SMALL, NULL, false},
    {"ll.txt HTTP/1.1\r\nHost: weir\r\n\r\n", 200, FILE_PART, 0, SMALL, NULL, false},
    {GET("/sub?x"), 301, REFUSAL, 0, 0, "Location: /sub/?x\r\n", false},
    {REQUEST("HEAD", "/large.bin", ""), 200, HEADLESS, 0, LARGE, NULL, false},
    {REQUEST("POST", "/small.txt", "Expect: 100-continue\r\nContent-Length: 9\r\n"), 405, REFUSAL,
     0, 0, "Allow: GET, HEAD\r\n", true},
};

static const struct step large_and_bodies[] = {
    {REQUEST("GET", "/small.txt", "Expect: 100-continue\r\nContent-Length: 10\r\n"), 100, INTERIM,
     0, 0, NULL, false},
    {TEN, 200, FILE_PART, 0, SMALL, NULL, false},
    {GET("/large.bin"), 200, FILE_PART, 0, LARGE, "Accept-Ranges: bytes\r\n", false},
    {REQUEST("GET", "/large.bin", "Range: bytes=70000-70999\r\n"), 206, FILE_PART, 70000, 1000,
     "Content-Range: bytes 70000-70999/153600\r\n", false},
    {REQUEST("GET", "/large.bin", "Range: bytes=10-19,90000-90009\r\n"), 206, PARTS, 0, 0,
     "Content-Type: multipart/byteranges; boundary=", false},
    {GET("/middle.bin") GET("/middle.bin"), 200, FILE_PART, 0, MIDDLE, NULL, false},
    {NULL, 200, FILE_PART, 0, MIDDLE, NULL, false},
    {REQUEST("POST", "/small.txt", "Content-Length: 20\r\n") TEN TEN, 405, REFUSAL, 0, 0,
     "Allow: GET, HEAD\r\n", false},
    {REQUEST("POST", "/small.txt", "Transfer-Encoding: chunked\r\n") "a", 0, NOTHING, 0, 0, NULL,
     false},
    {"\r\n" TEN "\r\n0\r\n\r\n", 405, REFUSAL, 0, 0, NULL, false},
    {REQUEST("GET", "/small.txt", "Connection: close\r\n"), 200, FILE_PART, 0, SMALL, NULL, true},
};

static const struct step one_more[] = {{GET("/small.txt"), 200, FILE_PART, 0, SMALL, NULL, false}};

struct conversation {
    const struct step *steps;
    size_t count;
};

#define CONVERSATION(steps_)                                                                       \
    {                                                                                              \
        steps_, sizeof steps_ / sizeof steps_[0]                                                   \
    }

static const struct conversation among_small = CONVERSATION(small_answers);
static const struct conversation among_large = CONVERSATION(large_and_bodies);
static const struct conversation afterwards = CONVERSATION(one_more);

/* ---- the client ---- */

struct client {
    weir_stream stream;
    size_t len; /* unread, from the start of `bytes` */
    char bytes[2 * HEAD_MAX];
};

struct answer {
    int status;
    size_t len; /* by its Content-Length */
    bool closes;
};

static void drop(struct client *client, size_t len)
{
    client->len -= len;
    memmove(client->bytes, client->bytes + len, client->len);
}

/* Reads behind what is unread: 0, WEIR_EEOF at the end, or an error. */
static int read_more(struct client *client)
{
    ptrdiff_t n =
        weir_read(client->stream, client->bytes + client->len, sizeof client->bytes - client->len);

    client->len += n > 0 ? (size_t)n : 0;
    return n > 0 ? 0 : n == 0 ? WEIR_EEOF : (int)n;
}

/* The value of a field, in a head that is ended by NUL; NULL: it is not there. */
static const char *value_of(const char *head, const char *name)
{
    const char *at = strstr(head, name);

    return at ? at + strlen(name) : NULL;
}

static void judge_head(const char *head, const struct step *step, struct answer *out)
{
    const char *date = value_of(head, "\r\nDate: "), *len = value_of(head, "\r\nContent-Length: ");

    CHECK(strncmp(head, "HTTP/1.1 ", 9) == 0);
    out->status = atoi(head + 9);
    out->len = len ? strtoul(len, NULL, 10) : 0;
    out->closes = strstr(head, "\r\nConnection: close\r\n") != NULL;
    CHECK(out->status == step->status || out->status == 500 || out->status == 503);
    if (out->status == 100)
        return;
    CHECK(len != NULL);
    CHECK(date && strcspn(date, "\r") == 29 && memcmp(date + 25, " GMT", 4) == 0);
    if (out->status != step->status)
        return;
    CHECK(out->closes == step->closes);
    CHECK(!step->field || strstr(head, step->field));
    if (step->shape == FILE_PART || step->shape == HEADLESS)
        CHECK(out->len == step->len);
}

/* Reads the next head: 0, or an error. */
static int read_head(struct client *client, const struct step *step, struct answer *out)
{
    char head[HEAD_MAX + 1];
    const char *end;
    size_t len;
    int rc;

    while (!(end = memmem(client->bytes, client->len, "\r\n\r\n", 4))) {
        CHECK(client->len <= HEAD_MAX);
        rc = client->len <= HEAD_MAX ? read_more(client) : WEIR_HTTP_ETOOLARGE;
        if (rc < 0)
            return rc;
    }
    len = (size_t)(end - client->bytes) + 4;
    CHECK(len <= HEAD_MAX);
    if (len > HEAD_MAX)
        return WEIR_HTTP_ETOOLARGE;
    memcpy(head, client->bytes, len);
    head[len] = '\0';
    drop(client, len);
    judge_head(head, step, out);
    return 0;
}

/* Reads a body that is to be the `len` bytes from `wanted`: 0, or an error. */
static int read_body(struct client *client, const char *wanted, size_t len)
{
    int rc = 0;

    while (rc == 0 && len > 0) {
        size_t n = client->len < len ? client->len : len;

        CHECK(memcmp(client->bytes, wanted, n) == 0);
        drop(client, n);
        wanted += n;
        len -= n;
        if (len > 0)
            rc = read_more(client);
    }
    return rc;
}

/* Reads a short body until it stands whole at the start of `bytes`: 0, or an error. */
static int gather_body(struct client *client, size_t len)
{
    int rc = 0;

    CHECK(len <= sizeof client->bytes);
    if (len > sizeof client->bytes)
        return WEIR_HTTP_ETOOLARGE;
    while (rc == 0 && client->len < len)
        rc = read_more(client);
    return rc;
}

static int read_refusal(struct client *client, const struct answer *answer)
{
    char code[16];
    int rc = gather_body(client, answer->len);

    if (rc < 0)
        return rc;
    snprintf(code, sizeof code, "%d ", answer->status);
    CHECK(answer->len > 4 && memcmp(client->bytes, code, 4) == 0
          && client->bytes[answer->len - 1] == '\n');
    drop(client, answer->len);
    return 0;
}

static int read_parts(struct client *client, const struct answer *answer)
{
    const char *bytes = client->bytes;
    int rc = gather_body(client, answer->len);

    if (rc < 0)
        return rc;
    CHECK(answer->len > 64 && memcmp(bytes + answer->len - 4, "--\r\n", 4) == 0);
    CHECK(memmem(bytes, answer->len, content + PART_A, PART_LEN));
    CHECK(memmem(bytes, answer->len, content + PART_B, PART_LEN));
    drop(client, answer->len);
    return 0;
}

static int read_rest(struct client *client, const struct step *step, const struct answer *answer)
{
    if (step->shape == HEADLESS)
        return 0;
    if (answer->status != step->status || step->shape == REFUSAL)
        return read_refusal(client, answer);
    if (step->shape == PARTS)
        return read_parts(client, answer);
    return read_body(client, content + step->from, step->len);
}

/* Takes one step: 0; 1 if the server ends the connection with it; or an error. */
static int take(struct client *client, const struct step *step)
{
    struct answer answer;
    int rc = step->send ? weir_write_all(client->stream, step->send, strlen(step->send)) : 0;

    if (rc == 0 && step->shape == NOTHING)
        return weir_sleep(WEIR_MILLISECONDS(1));
    if (rc == 0)
        rc = read_head(client, step, &answer);
    if (rc == 0 && step->shape == INTERIM) /* an early answer ends it */
        return answer.status == 100 ? 0 : WEIR_HTTP_ESTATE;
    if (rc == 0)
        rc = read_rest(client, step, &answer);
    return rc < 0 ? rc : answer.closes;
}

static int take_all(struct client *client, const struct conversation *conversation)
{
    size_t taken = 0;
    int rc = 0;

    while (taken < conversation->count && rc == 0)
        rc = take(client, &conversation->steps[taken++]);
    if (rc >= 0) /* nothing is behind the last answer */
        CHECK(client->len == 0);
    if (rc == 1) {
        rc = read_more(client);
        CHECK(rc < 0);
        rc = rc == WEIR_EEOF && taken == conversation->count ? 0 : rc;
    }
    return rc;
}

static int talk(const char *address, const struct conversation *conversation)
{
    struct client client = {.len = 0};
    weir_block block;
    int rc = weir_deadline_begin(&block, LIMIT_NS);

    if (rc < 0)
        return rc;
    rc = weir_dial(&client.stream, address);
    if (rc == 0) {
        rc = take_all(&client, conversation);
        weir_close(client.stream);
    }
    CHECK(!weir_block_end(&block)); /* a connection that is not served is closed, and not silent */
    return rc;
}

/* ---- the exchange ---- */

struct exchange {
    const struct conversation *conversation;
    weir_http_files *files;
    weir_listener listener;
    char address[WEIR_ADDRESS_TEXT_MAX];
    bool serving;
    size_t told; /* answers */
};

static void note_answer(const struct weir_http_access *access, void *arg)
{
    struct exchange *exchange = arg;

    CHECK(access->status >= 200 && access->wall_ns > 0);
    exchange->told++;
}

static int serve(void *arg)
{
    struct exchange *exchange = arg;
    struct weir_serve_options options = {.at_first_byte = WEIR_ON};
    int rc = weir_serve(exchange->listener, weir_http_files_serve, exchange->files, &options);

    exchange->serving = false;
    return rc;
}

/* The fault is one: where the first connection had it, and the server goes on, the second is sound.
 */
static int talk_twice(void *arg)
{
    struct exchange *exchange = arg;
    int first = talk(exchange->address, exchange->conversation);
    bool sound = first < 0 && exchange->serving;
    int second = talk(exchange->address, &afterwards);

    CHECK(!sound || second == 0);
    weir_listener_close(exchange->listener);
    return first < 0 ? first : second;
}

/* A server that cannot serve cancels the client. */
static int serve_and_talk(struct exchange *exchange)
{
    weir_scope scope;
    int rc = weir_scope_open(&scope), joined;

    if (rc < 0)
        return rc;
    rc = weir_spawn(&scope, serve, exchange);
    exchange->serving = rc == 0;
    if (rc == 0)
        rc = weir_spawn(&scope, talk_twice, exchange);
    if (rc < 0)
        weir_listener_close(exchange->listener);
    joined = weir_scope_join(&scope);
    return rc < 0 ? rc : joined;
}

static int run_exchange(void *arg)
{
    struct exchange *exchange = arg;
    struct weir_http_files_options options = {.access = note_answer, .access_arg = exchange};
    struct weir_listen_options listen = {.send_buffer = SEND_BUFFER};
    int rc = weir_http_files_create(&exchange->files, folder, &options);

    if (rc < 0)
        return rc;
    rc = weir_listen(&exchange->listener, "tcp://127.0.0.1:0", &listen);
    if (rc == 0) {
        rc = weir_listener_address(exchange->listener, exchange->address, sizeof exchange->address);
        if (rc > 0)
            rc = serve_and_talk(exchange);
        weir_listener_close(exchange->listener);
    }
    weir_http_files_destroy(exchange->files);
    return rc;
}

static size_t answers_wanted(const struct conversation *conversation)
{
    size_t count = 0;

    for (size_t i = 0; i < conversation->count; i++)
        count += conversation->steps[i].shape != NOTHING && conversation->steps[i].shape != INTERIM;
    return count;
}

static int run(const struct conversation *conversation)
{
    struct weir_runtime_options options = {.workers = 1, .spin_ns = -1};
    struct exchange exchange = {.conversation = conversation};
    int rc = weir_run(run_exchange, &exchange, &options);

    if (rc == 0)
        CHECK(exchange.told == answers_wanted(conversation) + answers_wanted(&afterwards));
    return rc;
}

/* ---- the faults ---- */

static bool folder_make(void)
{
    char path[128];
    bool good;

    for (uint32_t i = 0; i < LARGE; i++)
        content[i] = (char)(i * 2654435761u >> 24);
    memcpy(folder, "/tmp/weir-fault-http-XXXXXX", sizeof "/tmp/weir-fault-http-XXXXXX");
    good = mkdtemp(folder) != NULL;
    for (size_t i = 0; i < sizeof files / sizeof files[0] && good; i++) {
        FILE *file;

        snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
        file = fopen(path, "w");
        good = file && fwrite(content, files[i].len, 1, file) == 1;
        good = file && fclose(file) == 0 && good;
    }
    snprintf(path, sizeof path, "%s/sub", folder);
    return good && mkdir(path, 0700) == 0;
}

static void folder_remove(void)
{
    char path[128];

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/sub", folder);
    rmdir(path);
    rmdir(folder);
}

/* What is wrong with the run in which the n-th site fails; NULL: nothing. */
static const char *try_site(const struct conversation *conversation, enum weir__fault_kind kind,
                            uint64_t n)
{
    uint64_t live = weir__handle_live();
    time_t begun = time(NULL);

    weir__fault_arm(kind, n);
    (void)run(conversation);
    weir__fault_arm(kind, 0);
    CHECK(weir__handle_live() == live);
    CHECK(time(NULL) - begun <= RUN_MAX_S);
    return __atomic_exchange_n(&check_failed, NULL, __ATOMIC_SEQ_CST);
}

static void fail_each(const struct conversation *conversation, enum weir__fault_kind kind)
{
    const char *wrong = NULL;
    uint64_t n = 0, count;
    int rc;

    assert_true(folder_make());
    rc = run(conversation); /* what is made once a process is there */
    weir__fault_arm(kind, 0);
    rc = rc ? rc : run(conversation);
    count = weir__fault_count(kind);
    while (rc == 0 && !check_failed && !wrong && n < count + 3)
        wrong = try_site(conversation, kind, ++n);
    if (rc == 0)
        rc = run(conversation);
    folder_remove();
    if (wrong)
        fail_msg("fault %d of %d: %s", (int)n, (int)count, wrong);
    assert_checks();
    assert_int_equal(rc, 0);
    assert_true(count > 10);
}

TEST(every_allocation_may_fail_round_small_answers)
{
    fail_each(&among_small, WEIR__FAULT_ALLOC);
}

TEST(every_system_call_may_fail_round_small_answers)
{
    fail_each(&among_small, WEIR__FAULT_CALL);
}

TEST(every_allocation_may_fail_round_large_files_and_bodies)
{
    fail_each(&among_large, WEIR__FAULT_ALLOC);
}

TEST(every_system_call_may_fail_round_large_files_and_bodies)
{
    fail_each(&among_large, WEIR__FAULT_CALL);
}
