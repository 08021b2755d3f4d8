/* test/os/http_lent.c - the file server while its workers are lent.
 *
 * What a worker keeps for the server (chunks, small files, the date) is used by every task that
 * runs on it, one at a time. A task that computes, here in the hook that is told of each answer,
 * must not have its worker lent to another thread meanwhile: a second task would meet it there.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>
#include <weir/http.h>

#include "support/check.h"

enum {
    CLIENTS = 12,
    REQUESTS = 60,
    FILES = 5,
    WORKERS = 2
};

struct site {
    char folder[64];
    weir_http_files *files;
    weir_listener listener;
    char address[WEIR_ADDRESS_TEXT_MAX];
    int inside[WORKERS + 1]; /* tasks that compute in the hook, by worker */
    int met;                 /* how often two of one worker did */
    int seed;
};

static void compute(const struct weir_http_access *access, void *arg)
{
    struct site *site = arg;
    uint64_t end_ns = weir_now_ns() + 300000;
    int *inside = &site->inside[weir_worker_index()];

    (void)access;
    if (__atomic_add_fetch(inside, 1, __ATOMIC_SEQ_CST) > 1)
        (void)__atomic_add_fetch(&site->met, 1, __ATOMIC_SEQ_CST);
    while (weir_now_ns() < end_ns) {
    }
    (void)__atomic_sub_fetch(inside, 1, __ATOMIC_SEQ_CST);
}

static size_t file_len(int number)
{
    return (size_t)(number * number * 997 + 10);
}

static void make_site(struct site *site)
{
    char name[96], bytes[32768];
    int i;

    strcpy(site->folder, "/tmp/weir-test-XXXXXX");
    assert_non_null(mkdtemp(site->folder));
    for (i = 0; i < FILES; i++) {
        FILE *file;

        snprintf(name, sizeof name, "%s/%d", site->folder, i);
        file = fopen(name, "we");
        assert_non_null(file);
        memset(bytes, 'a' + i, file_len(i));
        assert_int_equal(fwrite(bytes, 1, file_len(i), file), file_len(i));
        fclose(file);
    }
}

static void remove_site(const struct site *site)
{
    char name[96];
    int i;

    for (i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "%s/%d", site->folder, i);
        unlink(name);
    }
    rmdir(site->folder);
}

static int serve(void *arg)
{
    struct site *site = arg;
    struct weir_serve_options options = {.at_first_byte = WEIR_ON};

    return weir_serve(site->listener, weir_http_files_serve, site->files, &options);
}

/* Reads an answer's head up to the empty line. */
static void read_head(weir_stream stream, char *head, size_t cap)
{
    size_t len = 0;

    while (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0) {
        if (len + 1 == cap || weir_read(stream, head + len, 1) != 1) {
            CHECK(!"a whole head");
            break;
        }
        len++;
    }
    head[len] = 0;
}

/* One request, in two pieces now and then, so that it needs a chunk. */
static void ask(weir_stream stream, int number, int way)
{
    char text[128], head[1024], body[32768];
    const char *condition = way % 5 == 4 ? "Range: bytes=1-3\r\n" : "";
    size_t i, body_len = way % 5 == 4 ? 3 : file_len(number);
    int len =
        snprintf(text, sizeof text, "GET /%d HTTP/1.1\r\nHost: x\r\n%s\r\n", number, condition);
    int first = way % 3 ? len : 7;

    CHECK(weir_write_all(stream, text, (size_t)first) == 0);
    if (first < len) {
        CHECK(weir_yield() == 0);
        CHECK(weir_write_all(stream, text + first, (size_t)(len - first)) == 0);
    }
    read_head(stream, head, sizeof head);
    CHECK(strncmp(head, way % 5 == 4 ? "HTTP/1.1 206 " : "HTTP/1.1 200 ", 13) == 0);
    CHECK(strstr(head, " GMT\r\n") != NULL);
    CHECK(weir_read_exactly(stream, body, body_len) == 0);
    for (i = 0; i < body_len; i++)
        CHECK(body[i] == 'a' + number);
}

static int client(void *arg)
{
    struct site *site = arg;
    int i, seed = __atomic_add_fetch(&site->seed, 7, __ATOMIC_SEQ_CST);
    weir_stream stream;

    CHECK(weir_dial(&stream, site->address) == 0);
    for (i = 0; i < REQUESTS; i++)
        ask(stream, (seed + i) % FILES, seed + i);
    weir_close(stream);
    return 0;
}

static int serve_and_ask(void *arg)
{
    struct site *site = arg;
    struct weir_http_files_options options = {
        .access = compute, .access_arg = site, .cache_bytes_max = 30000};
    struct weir_spawn_options spawn = {0};
    weir_scope server, clients;
    int i;

    CHECK(weir_http_files_create(&site->files, site->folder, &options) == 0);
    CHECK(weir_listen(&site->listener, "tcp://127.0.0.1:0", NULL) == 0);
    CHECK(weir_listener_address(site->listener, site->address, sizeof site->address) > 0);
    CHECK(weir_scope_open(&server) == 0 && weir_scope_open(&clients) == 0);
    CHECK(weir_spawn(&server, serve, site) == 0);
    for (i = 0; i < CLIENTS; i++) {
        spawn.worker = (uint32_t)i % WORKERS + 1;
        CHECK(weir_spawn_with(&clients, client, site, &spawn) == 0);
    }
    CHECK(weir_scope_join(&clients) == 0);
    CHECK(weir_listener_close(site->listener) == 0);
    CHECK(weir_scope_join(&server) == 0);
    weir_http_files_destroy(site->files);
    return 0;
}

TEST(tasks_in_the_server_never_meet_on_one_worker)
{
    struct weir_runtime_options options = {
        .workers = WORKERS, .lend = WEIR_ON, .slice_ns = WEIR_MICROSECONDS(100)};
    struct site site = {.seed = 1};
    int rounds;

    make_site(&site);
    for (rounds = 0; rounds < 3; rounds++) {
        assert_int_equal(weir_run(serve_and_ask, &site, &options), 0);
        assert_checks();
    }
    assert_int_equal(site.met, 0);
    remove_site(&site);
}
