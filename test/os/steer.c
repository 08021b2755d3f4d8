/* test/os/steer.c - connections go to the worker on the processor that receives them. On the
 * loopback device that is the one that sends. */
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weir.h>

#include "core/handle.h"
#include "stream/stream.h"
#include "support/check.h"
#include "support/run.h"
#include "sys/affinity.h"
#include "task/runtime.h"
#include "task/task.h"
#include "task/worker.h"

enum {
    WORKERS_MAX = 4,
    CONNECTIONS = 40
};

#define SERVER "server"

struct server {
    weir_listener listener;
    struct weir_serve_options options;
    struct weir_listen_options listen;
    const char *address;
    uint32_t workers;
    int rc;
    int waits;
};

/* Its index, 1..; a handler may have moved, a connection has not. */
static uint32_t worker_of(weir_stream stream)
{
    struct weir__stream *object = weir__handle_peek(stream.id, WEIR__KIND_STREAM);
    struct weir__runtime *runtime = weir__task_current()->runtime;
    uint32_t i;

    for (i = 1; i <= weir__runtime_workers(runtime); i++) {
        if (weir__runtime_worker(runtime, i)->loop->index == object->home)
            return i;
    }
    return 0;
}

static int tell_worker(weir_stream peer, void *arg)
{
    uint8_t index = (uint8_t)worker_of(peer);

    (void)arg;
    weir__current_leave();
    return weir_write_all(peer, &index, 1);
}

static int serve(void *arg)
{
    struct server *server = arg;

    SAY(server->rc, weir_serve(server->listener, tell_worker, server, &server->options));
    return 0;
}

/* The server waits for its end for the first time when everything listens. */
static void note_pause(uint64_t id, const char *name, void **user, void *arg)
{
    struct server *server = arg;

    (void)id;
    (void)user;
    if (strcmp(name, SERVER) == 0)
        SAY(server->waits, 1);
}

/* ---- clients, each a thread on one processor ---- */

struct client {
    pthread_t thread;
    int cpu, port;
    uint32_t expected;
    int right, wrong;
};

static int connect_to(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0);
    CHECK(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    return fd;
}

static void *connect_from(void *arg)
{
    struct client *client = arg;
    cpu_set_t set;
    int i;

    CPU_ZERO(&set);
    CPU_SET(client->cpu, &set);
    CHECK(sched_setaffinity(0, sizeof set, &set) == 0);
    for (i = 0; i < CONNECTIONS; i++) {
        int fd = connect_to(client->port);
        uint8_t index = 0;

        CHECK(read(fd, &index, 1) == 1);
        client->right += index == client->expected;
        client->wrong += index != client->expected;
        CHECK(close(fd) == 0);
    }
    return NULL;
}

static int join_thread(void *arg)
{
    struct client *client = arg;

    return pthread_join(client->thread, NULL);
}

static int port_of(weir_listener listener)
{
    char address[WEIR_ADDRESS_TEXT_MAX];
    int port = 0;

    CHECK(weir_listener_address(listener, address, sizeof address) > 0);
    CHECK(sscanf(address, "tcp://127.0.0.1:%d", &port) == 1);
    return port;
}

static void call_from_each(struct server *server)
{
    struct client clients[WORKERS_MAX];
    uint32_t i;

    for (i = 0; i < server->workers; i++) {
        clients[i] = (struct client){
            .cpu = weir__affinity_cpu(i), .port = port_of(server->listener), .expected = i + 1};
        weir__current_leave();
        CHECK(pthread_create(&clients[i].thread, NULL, connect_from, &clients[i]) == 0);
    }
    for (i = 0; i < server->workers; i++) {
        CHECK(weir_blocking(join_thread, &clients[i]) == 0);
        CHECK(clients[i].right == CONNECTIONS && clients[i].wrong == 0);
    }
}

static int serve_twice(void *arg)
{
    struct weir_spawn_options options = {.name = SERVER};
    struct server *server = arg;
    weir_scope scope;
    int i;

    CHECK(weir_listen(&server->listener, server->address, &server->listen) == 0);
    for (i = 0; i < 2; i++) { /* the listener's own socket stays, the others are made anew */
        SAY(server->rc, 1);
        SAY(server->waits, 0);
        CHECK(weir_scope_open(&scope) == 0);
        CHECK(weir_spawn_with(&scope, serve, server, &options) == 0);
        YIELD_UNTIL(SEE(server->waits) || SEE(server->rc) != 1);
        if (SEE(server->rc) == 1)
            call_from_each(server);
        weir_scope_cancel(&scope);
        CHECK(weir_scope_join(&scope) == 0);
        CHECK(server->rc == WEIR_ECANCELED || server->rc == WEIR_ENOTSUP);
    }
    return weir_listener_close(server->listener);
}

static uint32_t processors(void)
{
    cpu_set_t set;

    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    return (uint32_t)CPU_COUNT(&set);
}

TEST(a_connection_goes_to_the_worker_of_its_processor)
{
    struct server server = {.address = "tcp://127.0.0.1:0", .options = {.steer = WEIR_ON}};
    struct weir_runtime_hooks hooks = {.arg = &server, .task_pause = note_pause};
    struct weir_runtime_options options = {.pin = WEIR_PIN_CORES, .hooks = &hooks};
    cpu_set_t before;

    server.workers = processors() < WORKERS_MAX ? processors() : WORKERS_MAX;
    if (server.workers < 2)
        skip("one processor");
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    options.workers = server.workers;
    assert_int_equal(weir_run(serve_twice, &server, &options), 0);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_checks();
    if (server.rc == WEIR_ENOTSUP)
        skip("this kernel does not steer");
}

/* ---- what cannot be steered ---- */

static int try_serve(void *arg)
{
    struct server *server = arg;

    CHECK(weir_listen(&server->listener, server->address, &server->listen) == 0);
    server->rc = weir_serve(server->listener, tell_worker, server, &server->options);
    return weir_listener_close(server->listener);
}

static int serve_with(struct server *server, uint32_t workers, uint8_t pin)
{
    struct weir_runtime_options options = {.workers = workers, .pin = pin};
    cpu_set_t before;

    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_int_equal(weir_run(try_serve, server, &options), 0);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_checks();
    return server->rc;
}

TEST(what_cannot_be_steered_is_refused)
{
    struct server server = {.address = "tcp://127.0.0.1:0", .options = {.steer = WEIR_ON}};

    assert_int_equal(serve_with(&server, 2, WEIR_PIN_NONE), WEIR_ENOTSUP);
    assert_int_equal(serve_with(&server, 2, WEIR_PIN_NODES), WEIR_ENOTSUP);
    assert_int_equal(serve_with(&server, processors() + 1, WEIR_PIN_CORES), WEIR_ENOTSUP);
    server.listen.reuse_port = WEIR_OFF;
    assert_int_equal(serve_with(&server, 2, WEIR_PIN_CORES), WEIR_ENOTSUP);
    server.listen.reuse_port = WEIR_DEFAULT;
    server.options.steer = 3;
    assert_int_equal(serve_with(&server, 2, WEIR_PIN_CORES), WEIR_EOPTION);
}
