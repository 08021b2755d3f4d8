/* test/fuzz/address.c - address strings: what parses has a text, and the text parses to the same.
 *
 * The first byte chooses a prefix, so that short inputs reach each scheme. A socket address of
 * arbitrary bytes is formatted too: its text is printable.
 */
#include "net/address.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <weir/error.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

static int format(const struct weir__address *address, char *out, size_t cap)
{
    return weir__address_format((const struct sockaddr *)&address->storage, address->len, out, cap);
}

static void check_text(const char *text)
{
    struct weir__address address, again;
    char out[200];
    int rc = weir__address_parse(text, &address);

    must(rc == 0 || rc == WEIR_EADDRESS || rc == WEIR_ENOSCHEME);
    if (rc < 0)
        return;
    if (address.len == 0) {
        must(address.host[0] && strlen(address.host) < sizeof address.host);
        return;
    }
    must(format(&address, out, sizeof out) == (int)strlen(out));
    if (address.scheme == WEIR__SCHEME_UNIXGRAM || address.scheme == WEIR__SCHEME_UDP) {
        /* that text has the schemes of streams */
        must(weir__address_format_message((const struct sockaddr *)&address.storage, address.len,
                                          out, sizeof out)
             == (int)strlen(out));
    }
    must(weir__address_parse(out, &again) == 0);
    must(again.len == address.len && memcmp(&again.storage, &address.storage, again.len) == 0);
}

static void check_bytes(const uint8_t *data, size_t size)
{
    struct weir__address address;
    char out[200];
    int n;

    memset(&address, 0, sizeof address);
    if (size > sizeof address.storage)
        size = sizeof address.storage;
    memcpy(&address.storage, data, size);
    address.len = (socklen_t)size;
    n = format(&address, out, sizeof out);
    must(n == WEIR_EINVAL || n == (int)strlen(out));
    for (int i = 0; i < n; i++)
        must(out[i] > ' ' && out[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const prefixes[] = {"",         "tcp://", "tcp://[",     "unix://",
                                           "unix://@", "udp://", "unixgram://", "vsock://"};
    enum {
        PREFIXES = sizeof prefixes / sizeof *prefixes
    };
    size_t before;
    char *text;

    check_bytes(data, size);
    if (size == 0)
        return 0;
    before = strlen(prefixes[data[0] % PREFIXES]);
    text = malloc(before + size);
    memcpy(text, prefixes[data[0] % PREFIXES], before);
    memcpy(text + before, data + 1, size - 1);
    text[before + size - 1] = 0;
    check_text(text);
    free(text);
    return 0;
}
