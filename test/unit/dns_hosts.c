/* test/unit/dns_hosts.c - hosts files as tables. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/resolve.h>

#if defined(WEIR_TEST_DNS)
#include "proto/dns/hosts.h"

static struct weir__dns_hosts hosts;

static void read_text(const char *text)
{
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1); /* without a terminator */

    memcpy(copy, text, len);
    assert_int_equal(weir__dns_hosts_read(&hosts, copy, len), 0);
    free(copy);
}

/* The addresses of a name, by spaces. */
static const char *addresses(const char *name, unsigned ip)
{
    static char text[512];
    weir_address out[8];
    int i, count = weir__dns_hosts_find(&hosts, name, ip, 0, out, 8);
    size_t used = 0;

    snprintf(text, sizeof text, "%d", count);
    for (i = 0; i < count; i++) {
        char one[WEIR_ADDRESS_TEXT_MAX];

        assert_true(weir_address_format(&out[i], one, sizeof one) > 0);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? " " : "", one);
    }
    return text;
}

TEST(a_line_has_an_address_and_any_number_of_names)
{
    read_text("# a comment\n"
              "\n"
              "  192.0.2.1\tOne one.test one-more # not-this\r\n"
              "192.0.2.2 two#nor-this\n"
              "#192.0.2.3 three\n"
              "192.0.2.4\n"
              "::4 one\n"
              "192.0.2.5 last");
    assert_string_equal(addresses("one", WEIR_IP_V4), "udp://192.0.2.1:0");
    assert_string_equal(addresses("one.test", WEIR_IP_ANY), "udp://192.0.2.1:0");
    assert_string_equal(addresses("one-more", WEIR_IP_ANY), "udp://192.0.2.1:0");
    assert_string_equal(addresses("two", WEIR_IP_ANY), "udp://192.0.2.2:0");
    assert_string_equal(addresses("last", WEIR_IP_ANY), "udp://192.0.2.5:0");
    assert_string_equal(addresses("not-this", WEIR_IP_ANY), "-1");
    assert_string_equal(addresses("nor-this", WEIR_IP_ANY), "-1");
    assert_string_equal(addresses("three", WEIR_IP_ANY), "-1");
    weir__dns_hosts_fini(&hosts);
}

TEST(a_name_has_the_addresses_of_all_its_lines_in_their_order)
{
    weir_address out[2];

    read_text("192.0.2.9 name other\n2001:db8::1 name\n192.0.2.8 name\n::ffff name2\n");
    assert_string_equal(addresses("name", WEIR_IP_V4), "udp://192.0.2.9:0 udp://192.0.2.8:0");
    assert_string_equal(addresses("name", WEIR_IP_V6), "udp://[2001:db8::1]:0");
    assert_string_equal(addresses("name", WEIR_IP_ANY),
                        "udp://192.0.2.9:0 udp://[2001:db8::1]:0 udp://192.0.2.8:0");
    assert_string_equal(addresses("other", WEIR_IP_V6), "0"); /* it is there, without one */
    assert_int_equal(weir__dns_hosts_find(&hosts, "name", WEIR_IP_ANY, 80, out, 2), 2);
    assert_int_equal(weir_address_port(&out[1]), 80);
    weir__dns_hosts_fini(&hosts);
}

TEST(what_is_no_address_or_no_name_is_passed_over)
{
    read_text("nonsense a\n1.2.3 a\n1.2.3.4.5 a\n192.0.2.1 a..b \303\244 a/b b. -\n");
    assert_string_equal(addresses("a", WEIR_IP_ANY), "-1");
    assert_string_equal(addresses("b", WEIR_IP_ANY), "udp://192.0.2.1:0");
    assert_string_equal(addresses("-", WEIR_IP_ANY), "udp://192.0.2.1:0");
    weir__dns_hosts_fini(&hosts);
    read_text("");
    assert_string_equal(addresses("a", WEIR_IP_ANY), "-1");
    weir__dns_hosts_fini(&hosts);
    weir__dns_hosts_fini(&hosts);
}

TEST(a_large_file_is_found_in)
{
    enum {
        COUNT = 20000
    };
    char *text = malloc(COUNT * 40), name[32], wanted[40];
    size_t used = 0;
    int i;

    for (i = 0; i < COUNT; i++)
        used += (size_t)sprintf(text + used, "10.%d.%d.1 h%d g%d\n", i / 256, i % 256, i, i);
    assert_int_equal(weir__dns_hosts_read(&hosts, text, used), 0);
    free(text);
    for (i = 0; i < COUNT; i += 97) {
        snprintf(name, sizeof name, "g%d", i);
        snprintf(wanted, sizeof wanted, "udp://10.%d.%d.1:0", i / 256, i % 256);
        assert_string_equal(addresses(name, WEIR_IP_V4), wanted);
    }
    weir__dns_hosts_fini(&hosts);
}

#else

TEST(hosts_need_c_ares)
{
    skip("libweir-dns was left out");
}

#endif
