/* test/unit/net_address.c - address strings: what parses, what is refused, and the way back. */
#include "net/address.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <weir/address.h>
#include <weir/error.h>

#include "test.h"

static void assert_round_trip(const char *text, const char *expected)
{
    struct weir__address address;
    char out[200];
    int n;

    assert_int_equal(weir__address_parse(text, &address), 0);
    assert_true(address.len > 0);
    n = weir__address_format((struct sockaddr *)&address.storage, address.len, out, sizeof out);
    assert_string_equal(out, expected);
    assert_int_equal(n, strlen(expected));
    assert_int_equal(
        weir__address_format((struct sockaddr *)&address.storage, address.len, out, (size_t)n),
        WEIR_ENOBUFS);
}

TEST(numeric_hosts_come_back_as_they_went)
{
    static const char *const texts[] = {"tcp://127.0.0.1:8080",
                                        "tcp://0.0.0.0:0",
                                        "tcp://255.255.255.255:65535",
                                        "tcp://[::]:80",
                                        "tcp://[::1]:1",
                                        "tcp://[fe80::1%1]:80",
                                        "tcp://[2001:db8::ffff:1]:443"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_round_trip(texts[i], texts[i]);
    assert_round_trip("tcp://[0:0:0:0:0:0:0:1]:1", "tcp://[::1]:1");
    assert_round_trip("tcp://localhost:80", "tcp://127.0.0.1:80");
}

TEST(a_zone_may_be_named)
{
    struct weir__address address;

    if (weir__address_parse("tcp://[fe80::1%lo]:80", &address) < 0)
        skip("no interface lo here");
    assert_true(((struct sockaddr_in6 *)&address.storage)->sin6_scope_id > 0);
}

TEST(unix_paths_and_abstract_names)
{
    struct weir__address address;
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address.storage;

    assert_round_trip("unix:///run/weir.sock", "unix:///run/weir.sock");
    assert_round_trip("unix://relative.sock", "unix://relative.sock");
    assert_round_trip("unix://@weir", "unix://@weir");
    assert_int_equal(weir__address_parse("unix://@weir", &address), 0);
    assert_int_equal(un->sun_path[0], 0);
    assert_int_equal(address.len, offsetof(struct sockaddr_un, sun_path) + 5);
}

TEST(names_are_kept_for_a_resolver)
{
    struct weir__address address;

    assert_int_equal(weir__address_parse("tcp://www.example.org:443", &address), 0);
    assert_int_equal(address.len, 0);
    assert_string_equal(address.host, "www.example.org");
    assert_int_equal(address.port, 443);
    assert_int_equal(weir__address_parse("tcp://a_b.x-y.example.:1", &address), 0);
}

TEST(what_does_not_parse_is_refused_and_leaves_the_output_alone)
{
    static const char *const texts[] = {"",
                                        "tcp",
                                        "tcp:",
                                        "tcp:/",
                                        "tcp://",
                                        "://x:1",
                                        "127.0.0.1:80",
                                        "tcp://:80",
                                        "tcp://a",
                                        "tcp://a:",
                                        "tcp://a:b",
                                        "tcp://a:65536",
                                        "tcp://a:-1",
                                        "tcp://a:+1",
                                        "tcp://a: 1",
                                        "tcp://a:1 ",
                                        " tcp://a:1",
                                        "tcp://a:000001",
                                        "tcp://a:1/",
                                        "tcp://a:1?x=1",
                                        "tcp://a:1#f",
                                        "tcp://user@a:1",
                                        "tcp://a:b@c:1",
                                        "tcp://::1:80",
                                        "tcp://[::1]",
                                        "tcp://[::1:80",
                                        "tcp://::1]:80",
                                        "tcp://[]:80",
                                        "tcp://[127.0.0.1]:80",
                                        "tcp://[::1%]:80",
                                        "tcp://[::1%nowhere0]:80",
                                        "tcp://[::1%-1]:80",
                                        "tcp://[::1%0]:80",
                                        "tcp://[::1%+2]:80",
                                        "tcp://[::1%4294967296]:80",
                                        "tcp://[::1%99999999999999999999999]:80",
                                        "tcp://127.1:80",
                                        "tcp://1.2.3.4.5:80",
                                        "tcp://256.0.0.1:80",
                                        "tcp://0x7f000001:80x",
                                        "tcp://1234:80",
                                        "tcp://a..b:1",
                                        "tcp://.a:1",
                                        "tcp://-a:1",
                                        "tcp://a-:1",
                                        "tcp://a-.b:1",
                                        "tcp://a.-b:1",
                                        "tcp://.:1",
                                        "tcp://a\tb:1",
                                        "tcp://\x7f:1",
                                        "tcp://\xc3\xa4:1",
                                        "tcp://a%20b:1",
                                        "unix://",
                                        "unix://@",
                                        "unix://a?b",
                                        "unix://a#b",
                                        "unix://a b",
                                        "TCP://a:1",
                                        "t cp://a:1",
                                        "a/tcp://b:1",
                                        "1tcp://a:1"};
    struct weir__address address, untouched;

    memset(&address, 0x5a, sizeof address);
    untouched = address;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (weir__address_parse(texts[i], &address) != WEIR_EADDRESS)
            fail_msg("%s was not refused", texts[i]);
        assert_memory_equal(&address, &untouched, sizeof address);
    }
    assert_int_equal(weir__address_parse(NULL, &address), WEIR_EADDRESS);
}

TEST(an_unknown_scheme_has_an_error_of_its_own)
{
    struct weir__address address;

    assert_int_equal(weir__address_parse("tls://a:1", &address), WEIR_ENOSCHEME);
    assert_int_equal(weir__address_parse("udp6://a:1", &address), WEIR_ENOSCHEME);
}

/* "tcp://", `len` times 'a' in labels of `label`, ":1" */
static int parse_long(size_t len, size_t label)
{
    struct weir__address address;
    char text[600];
    size_t i;

    strcpy(text, "tcp://");
    for (i = 0; i < len; i++)
        text[6 + i] = (i + 1) % (label + 1) ? 'a' : '.';
    strcpy(text + 6 + len, ":1");
    return weir__address_parse(text, &address);
}

static int parse_long_path(size_t len)
{
    struct weir__address address;
    char text[600] = "unix://";

    memset(text + 7, 'p', len);
    return weir__address_parse(text, &address);
}

TEST(over_long_parts_are_refused)
{
    assert_int_equal(parse_long(253, 63), 0);
    assert_int_equal(parse_long(254, 63), WEIR_EADDRESS);
    assert_int_equal(parse_long(63, 63), 0);
    assert_int_equal(parse_long(64, 64), WEIR_EADDRESS);
    assert_int_equal(parse_long(550, 20), WEIR_EADDRESS);
    assert_int_equal(parse_long_path(107), 0);
    assert_int_equal(parse_long_path(108), WEIR_EADDRESS);
    assert_int_equal(parse_long_path(590), WEIR_EADDRESS);
}

TEST(names_of_peers_are_made_printable)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    socklen_t head = offsetof(struct sockaddr_un, sun_path);
    char out[200];

    memcpy(un.sun_path, "/a\n\033b", 6);
    assert_int_equal(weir__address_format((struct sockaddr *)&un, sizeof un, out, sizeof out), 12);
    assert_string_equal(out, "unix:///a??b");
    memcpy(un.sun_path, "\0a\0b", 4);
    assert_int_equal(weir__address_format((struct sockaddr *)&un, head + 4, out, sizeof out), 11);
    assert_string_equal(out, "unix://@a?b");
    assert_int_equal(weir__address_format((struct sockaddr *)&un, head, out, sizeof out), 7);
    assert_string_equal(out, "unix://");
    memset(un.sun_path, 'x', sizeof un.sun_path);
    assert_int_equal(weir__address_format((struct sockaddr *)&un, sizeof un, out, sizeof out),
                     7 + (int)sizeof un.sun_path);
    un.sun_family = AF_UNSPEC;
    assert_int_equal(weir__address_format((struct sockaddr *)&un, sizeof un, out, sizeof out),
                     WEIR_EINVAL);
}

/* ---- the schemes of messages, and addresses as values ---- */

static void assert_value_round_trip(const char *text)
{
    weir_address address;
    char out[WEIR_ADDRESS_TEXT_MAX];
    int n;

    assert_int_equal(weir_address_parse(&address, text), 0);
    n = weir_address_format(&address, out, sizeof out);
    assert_string_equal(out, text);
    assert_int_equal(n, strlen(text));
    assert_int_equal(weir_address_format(&address, out, (size_t)n), WEIR_ENOBUFS);
}

TEST(values_come_back_as_they_went)
{
    static const char *const texts[] = {
        "udp://127.0.0.1:53", "udp://[::1]:53", "udp://[fe80::1%1]:9", "unixgram:///run/socket",
        "unixgram://@name",   "vsock://2:1024", "vsock://any:any",     "vsock://any:4294967294"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_value_round_trip(texts[i]);
}

TEST(schemes_say_which_sockets_are_meant)
{
    static const struct {
        const char *text;
        enum weir__scheme scheme;
        int type;
    } rows[] = {
        {"tcp://127.0.0.1:1", WEIR__SCHEME_TCP, SOCK_STREAM},
        {"udp://127.0.0.1:1", WEIR__SCHEME_UDP, SOCK_DGRAM},
        {"unix://@x", WEIR__SCHEME_UNIX, SOCK_STREAM},
        {"unixgram://@x", WEIR__SCHEME_UNIXGRAM, SOCK_DGRAM},
        {"unixpacket://@x", WEIR__SCHEME_UNIXPACKET, SOCK_SEQPACKET},
        {"vsock://1:1", WEIR__SCHEME_VSOCK, SOCK_STREAM},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct weir__address address;

        assert_int_equal(weir__address_parse(rows[i].text, &address), 0);
        assert_int_equal(address.scheme, rows[i].scheme);
        assert_int_equal(address.type, rows[i].type);
    }
}

TEST(what_is_no_value_is_refused)
{
    static const char *const texts[] = {"vsock://",      "vsock://1",     "vsock://:1",
                                        "vsock://1:",    "vsock://1:2:3", "vsock://4294967296:1",
                                        "vsock://-1:1",  "vsock://ANY:1", "udp://",
                                        "udp://1.2.3.4", "unixgram://",   "unixpacket://@"};
    weir_address address = {.len = 77};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(weir_address_parse(&address, texts[i]), WEIR_EADDRESS);
    assert_int_equal(weir_address_parse(&address, "udp://example.org:1"), WEIR_ENAME);
    assert_int_equal(weir_address_parse(&address, "udp6://[::1]:1"), WEIR_ENOSCHEME);
    assert_int_equal(address.len, 77);
}

TEST(hosts_that_come_from_outside_are_numbers)
{
    weir_address address, same;
    char out[WEIR_ADDRESS_TEXT_MAX], lengthy[300];

    assert_int_equal(weir_address_host(&address, "192.0.2.7", 99), 0);
    assert_int_equal(weir_address_port(&address), 99);
    assert_true(weir_address_format(&address, out, sizeof out) > 0);
    assert_string_equal(out, "udp://192.0.2.7:99");
    assert_int_equal(weir_address_host(&address, "2001:db8::7", 99), 0);
    assert_true(weir_address_format(&address, out, sizeof out) > 0);
    assert_string_equal(out, "udp://[2001:db8::7]:99");
    assert_int_equal(weir_address_set_port(&address, 7), 0);
    assert_int_equal(weir_address_host(&same, "2001:0db8:0::0:7", 7), 0);
    assert_true(weir_address_equal(&address, &same));
    assert_int_equal(weir_address_set_port(&same, 8), 0);
    assert_false(weir_address_equal(&address, &same));
    memset(lengthy, '1', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = 0;
    assert_int_equal(weir_address_host(&same, lengthy, 1), WEIR_ENAME);
    assert_int_equal(weir_address_host(&same, "localhost", 1), WEIR_ENAME);
    assert_int_equal(weir_address_host(&same, "[::1]", 1), WEIR_ENAME);
    assert_int_equal(weir_address_host(&same, "", 1), WEIR_ENAME);
    assert_int_equal(weir_address_port(&same), 8);
}

TEST(addresses_that_are_none_say_so)
{
    weir_address none = {.len = 0}, cut, name;
    char out[WEIR_ADDRESS_TEXT_MAX];

    assert_int_equal(weir_address_family(&none), 0);
    assert_int_equal(weir_address_port(&none), WEIR_EINVAL);
    assert_int_equal(weir_address_set_port(&none, 1), WEIR_EINVAL);
    assert_int_equal(weir_address_format(&none, out, sizeof out), WEIR_EINVAL);
    assert_int_equal(weir_address_parse(&cut, "udp://127.0.0.1:1"), 0);
    cut.len = 5;
    assert_int_equal(weir_address_format(&cut, out, sizeof out), WEIR_EINVAL);
    cut.len = 5000;
    assert_int_equal(weir_address_format(&cut, out, sizeof out), WEIR_EINVAL);
    assert_int_equal(weir_address_parse(&name, "unixgram://@a"), 0);
    assert_false(weir_address_equal(&name, &none));
    assert_true(weir_address_equal(&name, &name));
    assert_int_equal(weir_interface_number("no such one"), WEIR_ENODEV);
}
