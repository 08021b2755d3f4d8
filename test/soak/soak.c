/* test/soak/soak.c - everything at once, for long, with constant memory.
 *
 *     soak SECONDS [WORKERS]
 *
 * Runs rounds of about half a minute, on io_uring and epoll in turn. In each, tasks of every kind
 * load all workers until the round ends: scopes that are cancelled, channels, selects, oneshots, a
 * mutex, timers, blocking jobs, and connections over TCP and UNIX sockets that are closed, shut
 * down and reset. Every few seconds it prints a line. It ends with 1 if a message was lost or came
 * twice, a byte was wrong, a descriptor is left after a round, or memory grows after the warm-up:
 * if the mean of the last third of the rounds' peaks is above that of the first third behind the
 * warm-up, by more than a twentieth and GROWTH_MAX.
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir.h>

enum {
    ROUND_S = 30,
    LINE_S = 5,
    WARM_UP_ROUNDS = 2, /* one on each backend */
    ROUNDS_MAX = 4096,
    SPAWNERS = 4,
    CHILDREN_MAX = 16,
    SENDERS = 4,
    RECEIVERS = 3,
    ASKERS = 4,
    CLIENTS = 12,
    MESSAGE_MAX = 5000,
    GROWTH_MAX = 4 << 20
};

/* What a round has done, by all workers. */
struct counts {
    uint64_t spawned, cancelled, sent, received, sent_sum, received_sum, selected, asked, locked,
        slept, blocked, connections, resets, bytes, refused;
};

struct round {
    uint32_t stop;
    uint64_t random;
    struct counts counts;
    weir_chan chan;     /* of senders and receivers */
    weir_chan requests; /* of askers: oneshots */
    weir_mutex mutex;
    uint64_t guarded; /* by the mutex */
    weir_listener tcp, local;
    char tcp_address[WEIR_ADDRESS_TEXT_MAX], local_address[WEIR_ADDRESS_TEXT_MAX];
    uint64_t end_ns, began_ns;
    size_t rss_max;
};

static uint32_t failures;
static const char *failed_text;

#define COUNT(field, n) (void)__atomic_add_fetch(&round->counts.field, (n), __ATOMIC_RELAXED)

static void check_failed(const char *text, int line)
{
    if (__atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED) > 10)
        return;
    fprintf(stderr, "soak: line %d: %s\n", line, text);
    failed_text = text;
}

#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __LINE__))

static bool stopping(const struct round *round)
{
    return __atomic_load_n(&round->stop, __ATOMIC_RELAXED);
}

static uint32_t pick(struct round *round, uint32_t count)
{
    uint64_t x = __atomic_add_fetch(&round->random, 0x9e3779b97f4a7c15ull, __ATOMIC_RELAXED);

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return (uint32_t)((x ^ x >> 31) % count);
}

static bool is_stop(int rc)
{
    return rc == WEIR_ECANCELED || rc == WEIR_EDEADLINE;
}

/* ---- scopes ---- */

static int child(void *arg)
{
    struct round *round = arg;
    int rc = 0;

    switch (pick(round, 5)) {
    case 0:
        rc = weir_yield();
        break;
    case 1:
        rc = weir_sleep(WEIR_MICROSECONDS(pick(round, 300)));
        break;
    case 2:
        rc = weir_mutex_lock(&round->mutex);
        if (rc == 0) {
            round->guarded++;
            COUNT(locked, 1);
            if (pick(round, 4) == 0)
                (void)weir_yield();
            weir_mutex_unlock(&round->mutex);
        }
        break;
    case 3:
        rc = weir_sleep(WEIR_SECONDS(pick(round, 2))); /* ended by the scope, or at once */
        break;
    default:
        break;
    }
    CHECK(rc == 0 || is_stop(rc));
    return 0;
}

/* Spawns, waits shortly or not at all, cancels or not, joins. */
static int spawner(void *arg)
{
    struct round *round = arg;

    while (!stopping(round)) {
        uint32_t i, count = 1 + pick(round, CHILDREN_MAX);
        weir_scope scope;
        weir_block block;

        CHECK(weir_scope_open(&scope) == 0);
        for (i = 0; i < count; i++)
            CHECK(weir_spawn(&scope, child, round) == 0);
        COUNT(spawned, count);
        if (pick(round, 3) == 0) {
            CHECK(weir_deadline_begin(&block, WEIR_MICROSECONDS(pick(round, 200))) == 0);
            (void)weir_sleep(WEIR_MICROSECONDS(pick(round, 400)));
            weir_block_end(&block);
        }
        weir_scope_cancel(&scope); /* sleepers of a second would hold it up */
        COUNT(cancelled, 1);
        CHECK(weir_scope_join(&scope) == 0);
    }
    return 0;
}

/* ---- channels ---- */

/* With a deadline now and then, which sends or does not. */
static int sender(void *arg)
{
    struct round *round = arg;
    uint64_t value = 0;

    while (!stopping(round)) {
        bool limited = pick(round, 8) == 0;
        weir_block block;
        int rc;

        value = pick(round, 1000);
        if (limited)
            CHECK(weir_deadline_begin(&block, WEIR_MICROSECONDS(pick(round, 20))) == 0);
        rc = weir_chan_send(round->chan, &value);
        if (limited)
            weir_block_end(&block);
        CHECK(rc == 0 || (limited && is_stop(rc)));
        if (rc == 0) {
            COUNT(sent, 1);
            COUNT(sent_sum, value);
        }
    }
    CHECK(weir_chan_drop_sender(round->chan) == 0);
    return 0;
}

static void note_received(struct round *round, uint64_t value)
{
    COUNT(received, 1);
    COUNT(received_sum, value);
}

/* By plain receives, and by selects with a timer: until the last sender has gone. */
static int receiver(void *arg)
{
    struct round *round = arg;
    int rc = 0;

    while (rc == 0) {
        uint64_t value;
        weir_case cases[2];

        if (pick(round, 2)) {
            rc = weir_chan_recv(round->chan, &value);
            if (rc == 0)
                note_received(round, value);
            continue;
        }
        weir_case_recv(&cases[0], round->chan, &value);
        weir_case_after(&cases[1], WEIR_MICROSECONDS(pick(round, 50)));
        if (weir_select(cases, 2) == 0) {
            rc = (int)cases[0].result;
            if (rc == 0)
                note_received(round, value);
        }
        COUNT(selected, 1);
    }
    CHECK(rc == WEIR_ECLOSED);
    return 0;
}

/* ---- oneshots ---- */

static int asker(void *arg)
{
    struct round *round = arg;

    while (!stopping(round)) {
        weir_oneshot answer;
        uint64_t got = 0;
        int rc;

        CHECK(weir_oneshot_create(&answer, sizeof got) == 0);
        rc = weir_chan_send(round->requests, &answer);
        CHECK(rc == 0);
        if (pick(round, 16) == 0) {
            weir_oneshot_close(answer); /* the answer comes too late */
            continue;
        }
        CHECK(weir_oneshot_recv(answer, &got) == 0 && got == answer.id);
        COUNT(asked, 1);
    }
    CHECK(weir_chan_drop_sender(round->requests) == 0);
    return 0;
}

static int answerer(void *arg)
{
    struct round *round = arg;
    weir_oneshot answer;

    while (weir_chan_recv(round->requests, &answer) == 0) {
        int rc = weir_oneshot_send(answer, &answer.id);

        CHECK(rc == 0 || rc == WEIR_EBADHANDLE);
    }
    return 0;
}

/* ---- jobs and timers ---- */

static int job(void *arg)
{
    (void)arg;
    return 7;
}

static int worker_of_jobs(void *arg)
{
    struct round *round = arg;

    while (!stopping(round)) {
        CHECK(weir_blocking(job, round) == 7);
        COUNT(blocked, 1);
        CHECK(weir_sleep(WEIR_MICROSECONDS(pick(round, 500))) == 0);
        COUNT(slept, 1);
    }
    return 0;
}

/* ---- connections ---- */

/* Sends back what comes, until the end, however that comes. */
static int echo(weir_stream peer, void *arg)
{
    char bytes[2048];
    ptrdiff_t n;

    (void)arg;
    while ((n = weir_read(peer, bytes, sizeof bytes)) > 0) {
        if (weir_write_all(peer, bytes, (size_t)n) < 0)
            break;
    }
    return 0;
}

static int serve_tcp(void *arg)
{
    struct round *round = arg;

    return weir_serve(round->tcp, echo, NULL, NULL);
}

static int serve_local(void *arg)
{
    struct round *round = arg;
    struct weir_serve_options options = {.at_first_byte = WEIR_ON};

    return weir_serve(round->local, echo, NULL, &options);
}

struct message {
    weir_stream stream;
    unsigned char *bytes;
    size_t len;
};

static int write_message(void *arg)
{
    struct message *message = arg;

    CHECK(weir_write_all(message->stream, message->bytes, message->len) == 0);
    return 0;
}

/* One message there and back. A long one is written by another task meanwhile. */
static void exchange(struct round *round, weir_stream stream, unsigned char *out, unsigned char *in)
{
    struct message message = {stream, out, 1 + pick(round, MESSAGE_MAX)};
    uint32_t first = pick(round, 256);
    weir_scope scope;
    size_t i;

    for (i = 0; i < message.len; i++)
        out[i] = (unsigned char)(first + i);
    CHECK(weir_scope_open(&scope) == 0);
    CHECK(weir_spawn(&scope, write_message, &message) == 0);
    CHECK(weir_read_exactly(stream, in, message.len) == 0);
    CHECK(weir_scope_join(&scope) == 0);
    CHECK(memcmp(out, in, message.len) == 0);
    COUNT(bytes, message.len);
}

/* Ways to end a connection. Most over TCP are resets: they leave no port behind that waits. */
static void end_connection(struct round *round, weir_stream stream, bool tcp)
{
    char byte;

    if (tcp && pick(round, 32)) {
        CHECK(weir_stream_linger(stream, 0) == 0);
        COUNT(resets, 1);
    } else if (pick(round, 2)) {
        CHECK(weir_shutdown(stream) == 0);
        CHECK(weir_read(stream, &byte, 1) == 0);
    }
    CHECK(weir_close(stream) == 0);
}

static int client(void *arg)
{
    struct round *round = arg;
    unsigned char *out = malloc(2 * MESSAGE_MAX);

    if (!out) {
        CHECK(!"memory for a client");
        return 0;
    }
    while (!stopping(round)) {
        bool tcp = pick(round, 2);
        weir_stream stream;
        uint32_t i, count = pick(round, 40);
        int rc = weir_dial(&stream, tcp ? round->tcp_address : round->local_address);

        if (rc < 0) { /* no port left, or a full backlog */
            COUNT(refused, 1);
            CHECK(weir_sleep(WEIR_MILLISECONDS(5)) == 0);
            continue;
        }
        for (i = 0; i < count; i++)
            exchange(round, stream, out, out + MESSAGE_MAX);
        end_connection(round, stream, tcp);
        COUNT(connections, 1);
    }
    free(out);
    return 0;
}

/* ---- a round ---- */

static size_t rss_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long size, resident = 0;

    if (file) {
        if (fscanf(file, "%lu %lu", &size, &resident) != 2)
            resident = 0;
        fclose(file);
    }
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

static uint64_t program_began_ns;

static void print_line(const struct round *round)
{
    const struct counts *c = &round->counts;

    printf("%5llu s %-5s spawned %llu cancelled %llu messages %llu selects %llu asked %llu "
           "locked %llu jobs %llu connections %llu resets %llu MiB %llu refused %llu rss %.1f MiB "
           "fds %d\n",
           (unsigned long long)((weir_now_ns() - program_began_ns) / 1000000000),
           weir_backend_name(), (unsigned long long)c->spawned, (unsigned long long)c->cancelled,
           (unsigned long long)c->received, (unsigned long long)c->selected,
           (unsigned long long)c->asked, (unsigned long long)c->locked,
           (unsigned long long)c->blocked, (unsigned long long)c->connections,
           (unsigned long long)c->resets, (unsigned long long)(c->bytes >> 20),
           (unsigned long long)c->refused, (double)rss_bytes() / (1 << 20), descriptors());
    fflush(stdout);
}

static void watch(struct round *round)
{
    uint64_t next_ns = round->began_ns + WEIR_SECONDS(LINE_S);

    while (weir_now_ns() < round->end_ns) {
        size_t rss = rss_bytes();

        if (round->rss_max < rss)
            round->rss_max = rss;
        if (weir_now_ns() >= next_ns) {
            print_line(round);
            next_ns += WEIR_SECONDS(LINE_S);
        }
        CHECK(weir_sleep(WEIR_MILLISECONDS(100)) == 0);
    }
}

static void open_all(struct round *round)
{
    struct weir_chan_options counted = {.capacity = 8, .counted = WEIR_ON};
    int i;

    CHECK(weir_chan_create_with(&round->chan, sizeof(uint64_t), &counted) == 0);
    CHECK(weir_chan_create_with(&round->requests, sizeof(weir_oneshot), &counted) == 0);
    for (i = 1; i < SENDERS; i++)
        CHECK(weir_chan_add_sender(round->chan) == 0);
    for (i = 1; i < ASKERS; i++)
        CHECK(weir_chan_add_sender(round->requests) == 0);
    CHECK(weir_listen(&round->tcp, "tcp://127.0.0.1:0", NULL) == 0);
    snprintf(round->local_address, sizeof round->local_address, "unix://@weir-soak-%d",
             (int)getpid());
    CHECK(weir_listen(&round->local, round->local_address, NULL) == 0);
    CHECK(weir_listener_address(round->tcp, round->tcp_address, sizeof round->tcp_address) > 0);
}

static void start(weir_scope *scope, weir_task_fn *fn, struct round *round, int count)
{
    while (count--)
        CHECK(weir_spawn(scope, fn, round) == 0);
}

static int run_round(void *arg)
{
    struct round *round = arg;
    weir_scope servers, load;

    open_all(round);
    CHECK(weir_scope_open(&servers) == 0 && weir_scope_open(&load) == 0);
    start(&servers, serve_tcp, round, 1);
    start(&servers, serve_local, round, 1);
    start(&load, spawner, round, SPAWNERS);
    start(&load, receiver, round, RECEIVERS);
    start(&load, sender, round, SENDERS);
    start(&load, answerer, round, 1);
    start(&load, asker, round, ASKERS);
    start(&load, worker_of_jobs, round, 2);
    start(&load, client, round, CLIENTS);
    watch(round);
    print_line(round);
    __atomic_store_n(&round->stop, 1, __ATOMIC_RELAXED);
    CHECK(weir_scope_join(&load) == 0);
    CHECK(weir_listener_close(round->tcp) == 0 && weir_listener_close(round->local) == 0);
    CHECK(weir_scope_join(&servers) == 0);
    weir_chan_destroy(round->chan);
    weir_chan_destroy(round->requests);
    return 0;
}

static void check_round(const struct round *round)
{
    const struct counts *c = &round->counts;

    CHECK(c->sent == c->received && c->sent_sum == c->received_sum);
    CHECK(round->guarded == c->locked);
    CHECK(c->spawned && c->received && c->asked && c->locked && c->blocked && c->bytes);
}

/* ---- the whole ---- */

static size_t mean(const size_t *list, int count)
{
    size_t sum = 0;
    int i;

    for (i = 0; i < count; i++)
        sum += list[i];
    return count ? sum / (size_t)count : 0;
}

/* Whether the rounds' peaks grow. */
static void check_growth(const size_t *peaks, int rounds)
{
    int warm = rounds > WARM_UP_ROUNDS + 2 ? WARM_UP_ROUNDS : rounds > 2 ? 1 : 0;
    int third = (rounds - warm) / 3 > 0 ? (rounds - warm) / 3 : 1;
    size_t first = mean(peaks + warm, third), last = mean(peaks + rounds - third, third);

    printf("soak: %d rounds; memory %.1f MiB after the warm-up, %.1f MiB at the end\n", rounds,
           (double)first / (1 << 20), (double)last / (1 << 20));
    CHECK(last <= first + first / 20 + GROWTH_MAX);
}

int main(int argc, char **argv)
{
    long seconds = argc > 1 ? atol(argv[1]) : 1800;
    struct weir_runtime_options options = {.workers = argc > 2 ? (uint32_t)atoi(argv[2]) : 0};
    static size_t peaks[ROUNDS_MAX];
    int rounds = 0, before = descriptors(), rc;
    uint64_t end_ns;

    program_began_ns = weir_now_ns();
    end_ns = program_began_ns + (uint64_t)WEIR_SECONDS(seconds);
    while (weir_now_ns() < end_ns && rounds < ROUNDS_MAX && !failures) {
        struct round round = {.random = (uint64_t)rounds, .began_ns = weir_now_ns()};
        uint64_t length_ns = (uint64_t)WEIR_SECONDS(seconds) / 6;

        if (length_ns > (uint64_t)WEIR_SECONDS(ROUND_S))
            length_ns = (uint64_t)WEIR_SECONDS(ROUND_S);
        round.end_ns = round.began_ns + length_ns;
        options.backend = rounds % 2 ? WEIR_BACKEND_EPOLL : WEIR_BACKEND_URING;
        rc = weir_run(run_round, &round, &options);
        if (rc == WEIR_ENOSYS || rc == WEIR_EPERM) { /* no io_uring here */
            options.backend = WEIR_BACKEND_EPOLL;
            rc = weir_run(run_round, &round, &options);
        }
        CHECK(rc == 0);
        check_round(&round);
        peaks[rounds++] = round.rss_max;
        CHECK(descriptors() == before);
    }
    check_growth(peaks, rounds);
    if (failures)
        printf("soak: failed, %u times: %s\n", failures, failed_text);
    return failures != 0;
}
