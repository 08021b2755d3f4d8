/* ping.c - how long an answer takes, by ICMP.
 *
 *   cc -o ping ping.c $(pkg-config --cflags --libs weir)
 *   ./ping 127.0.0.1 5 200        five times, every 200 ms; or: ./ping ::1
 *
 * A datagram socket of ICMP needs no privilege where net.ipv4.ping_group_range has the user's
 * group; the kernel then sees to number and checksum. Else it is a raw socket, which gets every
 * ICMP message of the host and, with IPv4, the IP header before it. Each wait for an answer has a
 * deadline; what comes late is an answer to an older question, and is passed over.
 */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir.h>

#define BODY 56 /* bytes behind the ICMP header, which begin with the time of sending */

struct ping {
    const char *host;
    int count;
    int64_t interval_ns;
    weir_socket socket;
    weir_address to;
    bool six, raw;
    int sent, received;
    double least_ms, most_ms, sum_ms;
};

/* Both headers have the same fields in the same places. */
struct packet {
    uint8_t type, code;
    uint16_t checksum, number, sequence;
    uint64_t sent_ns;
    uint8_t rest[BODY - 8];
};

static uint16_t sum_up(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint32_t sum = 0;
    size_t i;

    for (i = 0; i < len; i += 2)
        sum += (uint32_t)(at[i] << 8 | at[i + 1]);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static int open_socket(struct ping *ping)
{
    struct weir_socket_options options = {.want = WEIR_FIELD_TTL};
    int family = weir_address_family(&ping->to), protocol, rc;

    ping->six = family == AF_INET6;
    protocol = ping->six ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    rc = weir_socket_open(&ping->socket, family, SOCK_DGRAM, protocol, &options);
    ping->raw = rc < 0;
    if (ping->raw)
        rc = weir_socket_open(&ping->socket, family, SOCK_RAW, protocol, &options);
    return rc < 0 ? rc : weir_socket_connect(ping->socket, &ping->to);
}

static int ask(const struct ping *ping)
{
    struct packet packet = {.type = ping->six ? ICMP6_ECHO_REQUEST : ICMP_ECHO,
                            .number = htons((uint16_t)getpid()),
                            .sequence = htons((uint16_t)ping->sent)};

    packet.sent_ns = weir_now_ns();
    packet.checksum = sum_up(&packet, sizeof packet); /* with IPv6 the kernel makes its own */
    return weir_send(ping->socket, &packet, sizeof packet);
}

/* Whether a message is the answer to the last question. */
static bool read_answer(const struct ping *ping, const uint8_t *bytes, size_t len,
                        struct packet *out)
{
    if (ping->raw && !ping->six) {
        size_t header = len ? (bytes[0] & 15u) * 4u : 0;

        if (len < header)
            return false;
        bytes += header;
        len -= header;
    }
    if (len < sizeof *out)
        return false;
    memcpy(out, bytes, sizeof *out);
    return out->type == (ping->six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY)
           && (!ping->raw || out->number == htons((uint16_t)getpid()))
           && out->sequence == htons((uint16_t)ping->sent);
}

static int await_answer(const struct ping *ping, struct weir_message *message, struct packet *out)
{
    int rc;

    do {
        rc = weir_recv_message(ping->socket, message);
    } while (rc == 0 && !read_answer(ping, message->bytes, message->len, out));
    return rc;
}

static void note(struct ping *ping, const struct weir_message *message, const struct packet *packet)
{
    double ms = (double)(weir_now_ns() - packet->sent_ns) / 1e6;

    printf("%s: sequence %d, ttl %d, %.3f ms\n", ping->host, ping->sent,
           message->fields & WEIR_FIELD_TTL ? message->ttl : 0, ms);
    ping->received++;
    ping->sum_ms += ms;
    if (ping->received == 1 || ms < ping->least_ms)
        ping->least_ms = ms;
    if (ms > ping->most_ms)
        ping->most_ms = ms;
}

static int ask_once(struct ping *ping)
{
    uint8_t bytes[256];
    struct weir_message message = {.bytes = bytes, .cap = sizeof bytes};
    struct packet packet;
    weir_block block;
    int rc;

    ping->sent++;
    weir_deadline_begin(&block, WEIR_SECONDS(1));
    rc = ask(ping);
    if (rc == 0)
        rc = await_answer(ping, &message, &packet);
    weir_block_end(&block);
    if (rc == 0)
        note(ping, &message, &packet);
    else
        printf("%s: sequence %d: %s\n", ping->host, ping->sent, weir_strerror(rc));
    return rc == WEIR_ECANCELED ? rc : 0; /* whatever else it was, the next one may go */
}

static int app(void *arg)
{
    struct ping *ping = arg;
    int rc = weir_address_host(&ping->to, ping->host, 0);

    if (rc == 0)
        rc = open_socket(ping);
    while (rc == 0 && ping->sent < ping->count) {
        rc = ask_once(ping);
        if (rc == 0 && ping->sent < ping->count)
            rc = weir_sleep(ping->interval_ns);
    }
    weir_socket_close(ping->socket);
    return rc;
}

int main(int argc, char **argv)
{
    struct ping ping = {.host = argc > 1 ? argv[1] : "127.0.0.1",
                        .count = argc > 2 ? atoi(argv[2]) : 4,
                        .interval_ns = WEIR_MILLISECONDS(argc > 3 ? atoi(argv[3]) : 1000)};
    int rc = weir_run(app, &ping, NULL);

    if (rc < 0)
        fprintf(stderr, "ping: %s\n", weir_strerror(rc));
    if (ping.sent)
        printf("%d sent, %d received\n", ping.sent, ping.received);
    if (ping.received)
        printf("least %.3f, mean %.3f, most %.3f ms\n", ping.least_ms, ping.sum_ms / ping.received,
               ping.most_ms);
    return rc < 0 || ping.received == 0;
}
