/* sim_lock.c - a lock service with leases: never two holders.
 *
 *     sim_lock [SEEDS [FIRST]]
 *
 * Three clients want one lock of a server. A lease ends by itself, so that a client that crashes or
 * is cut off does not keep the lock: the client counts it from the moment it asked, the server from
 * the moment it answered and a little longer. A server that has crashed does not know who holds
 * the lock, and grants nothing for one lease after it has started.
 *
 * Try it: let the client count from the answer (the line marked below), or the server grant at
 * once, and one of the first hundred seeds finds two holders. The first version of this file gave
 * the lock back without saying which grant was meant; a seed found a message that came late, when
 * the same client held the lock again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir.h>

#define CLIENTS   3
#define TURNS     4
#define LEASE_NS  WEIR_MILLISECONDS(500)
#define MARGIN_NS WEIR_MILLISECONDS(20) /* timers are late by a few milliseconds */

/* What outlives the hosts: who has done what, and who believes to hold the lock. */
struct world {
    struct client {
        struct world *world;
        int number, turns, grants;
        bool holds;
    } clients[CLIENTS];
    bool broken;
};

/* ---- the server ---- */

struct lock {
    int holder, grant; /* 1..CLIENTS, and the client's number of it; 0: nobody */
    uint64_t until_ns;
};

struct session {
    weir_stream stream;
    struct lock *lock;
};

struct request {
    int client, grant;
    bool gives_back;
};

static char answer(struct lock *lock, const struct request *request)
{
    uint64_t now_ns = weir_now_ns();

    if (request->gives_back) {
        if (lock->holder == request->client && lock->grant == request->grant)
            lock->until_ns = now_ns;
        return 'y';
    }
    if (now_ns < lock->until_ns && lock->holder != request->client)
        return 'n';
    lock->holder = request->client;
    lock->grant = request->grant;
    lock->until_ns = now_ns + LEASE_NS + MARGIN_NS;
    return 'y';
}

static int serve_client(void *arg)
{
    struct session session = *(struct session *)arg;
    struct request request;

    if (weir_read_exactly(session.stream, &request, sizeof request) == 0) {
        char said = answer(session.lock, &request);

        (void)weir_write_all(session.stream, &said, 1);
    }
    weir_close(session.stream);
    return 0;
}

static int server(void *arg)
{
    struct lock lock = {0, 0, weir_now_ns() + LEASE_NS + MARGIN_NS};
    struct session session = {.lock = &lock};
    weir_listener listener;
    weir_scope scope;
    int rc = weir_listen(&listener, "tcp://0.0.0.0:7000", NULL);

    (void)arg;
    if (rc < 0)
        return rc;
    weir_scope_open(&scope);
    while ((rc = weir_accept(listener, &session.stream)) == 0)
        weir_spawn_copy(&scope, serve_client, &session, sizeof session);
    weir_listener_close(listener);
    weir_scope_cancel(&scope);
    weir_scope_join(&scope);
    return rc;
}

/* ---- a client ---- */

/* The answer, 'y' or 'n', or a negative error. */
static int ask(const struct client *self, bool gives_back)
{
    struct request request = {self->number, self->grants, gives_back};
    char said = 0;
    weir_stream stream;
    weir_block block;
    int rc;

    weir_deadline_begin(&block, LEASE_NS / 2);
    rc = weir_dial(&stream, "tcp://server:7000");
    if (rc == 0) {
        rc = weir_write_all(stream, &request, sizeof request);
        if (rc == 0)
            rc = weir_read_exactly(stream, &said, 1);
        weir_close(stream);
    }
    weir_block_end(&block);
    return rc < 0 ? rc : said;
}

/* Does something that nobody else may do at the same time, and is done when the lease ends. */
static void work(struct client *self, uint64_t until_ns)
{
    const struct client *others = self->world->clients;
    int i;

    for (i = 0; i < CLIENTS; i++)
        self->world->broken |= others[i].holds;
    self->holds = true;
    if (weir_sleep((int64_t)weir_sim_below(50) * 10000000) == 0 && weir_now_ns() < until_ns)
        self->turns++;
    self->holds = false;
}

static int client(void *arg)
{
    struct client *self = arg;
    int rc = 0;

    while (rc == 0 && self->turns < TURNS) {
        uint64_t asked_ns = weir_now_ns();
        weir_block block;
        int said;

        self->grants++;
        said = ask(self, false);
        /* asked_ns = weir_now_ns();  <- with this line there are two holders */
        if (said == 'y') {
            weir_deadline_begin(&block, (int64_t)(asked_ns + LEASE_NS - weir_now_ns()));
            work(self, asked_ns + LEASE_NS);
            weir_block_end(&block);
            (void)ask(self, true);
        }
        rc = weir_sleep(WEIR_MILLISECONDS(1 + weir_sim_below(200)));
    }
    return rc;
}

/* ---- the faults ---- */

struct hosts {
    weir_sim_host all[1 + CLIENTS];
};

static int trouble(void *arg)
{
    const struct hosts *hosts = arg;
    int rc;

    while ((rc = weir_sleep(WEIR_MILLISECONDS(weir_sim_below(1000)))) == 0) {
        weir_sim_host host = hosts->all[weir_sim_below(1 + CLIENTS)];

        if (weir_sim_below(2)) {
            weir_sim_host_crash(host);
            rc = weir_sleep(WEIR_MILLISECONDS(weir_sim_below(300)));
            if (rc == 0)
                rc = weir_sim_host_restart(host);
        } else {
            weir_sim_partition(hosts->all[0], host);
            rc = weir_sleep(WEIR_MILLISECONDS(weir_sim_below(1000)));
            weir_sim_heal(hosts->all[0], host);
        }
        if (rc < 0)
            break;
    }
    return 0;
}

static bool all_done(const struct world *world)
{
    int i;

    for (i = 0; i < CLIENTS; i++) {
        if (world->clients[i].turns < TURNS)
            return false;
    }
    return true;
}

static int run(void *arg)
{
    struct world *world = arg;
    struct hosts hosts;
    weir_scope scope;
    int i, rc;

    memset(world, 0, sizeof *world);
    rc = weir_sim_host_start("server", server, NULL, &hosts.all[0]);
    for (i = 0; i < CLIENTS && rc == 0; i++) {
        char name[] = "client-1";

        name[7] = (char)('1' + i);
        world->clients[i] = (struct client){.world = world, .number = i + 1};
        rc = weir_sim_host_start(name, client, &world->clients[i], &hosts.all[1 + i]);
    }
    if (rc < 0)
        return rc;
    weir_scope_open(&scope);
    weir_spawn(&scope, trouble, &hosts);
    while (rc == 0 && !world->broken && !all_done(world))
        rc = weir_sleep(WEIR_MILLISECONDS(20));
    weir_scope_cancel(&scope);
    weir_scope_join(&scope);
    if (world->broken) {
        fprintf(stderr, "two clients hold the lock\n");
        rc = WEIR_EIO;
    }
    return rc;
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    struct weir_sim_options options = {
        .link = {.latency_min_ns = 100000, .latency_max_ns = 20000000, .loss_permille = 50}};
    struct world world;
    int rc = weir_sim_seeds(run, &world, first, count, &options);

    if (rc < 0)
        return 1;
    printf("ok\n");
    return 0;
}
