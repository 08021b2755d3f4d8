/* proto/http1/host.c - the authority of a request. The contract is in host.h. */
#include "proto/http1/host.h"

#include "proto/http1/scan.h"

/* The end of "[...]" at `at`, or NULL. IPv6 digits, dots and colons; IPvFuture is refused, there
 * is none. */
static const char *literal_end(const char *at, const char *end)
{
    const char *p = at + 1;

    while (p < end && (weir__http1_scan_hex(*p) >= 0 || *p == ':' || *p == '.'))
        p++;
    return p < end && *p == ']' && p - at >= 3 ? p + 1 : NULL;
}

/* The end of the registered name at `at`, or NULL if a percent sign lacks its two digits. */
static const char *name_end(const char *at, const char *end)
{
    for (; at < end && weir__http1_scan_is(*at, WEIR__HTTP1_HOST); at++) {
        if (*at != '%')
            continue;
        if (end - at < 3 || weir__http1_scan_hex(at[1]) < 0 || weir__http1_scan_hex(at[2]) < 0)
            return NULL;
    }
    return at;
}

bool weir__http1_host_split(struct weir__slice authority, struct weir__slice *name,
                            struct weir__slice *port)
{
    const char *at = authority.at, *end = at + authority.len, *stop;
    struct weir__slice digits = {end, 0};
    uint64_t number;

    if (authority.len == 0) {
        *name = *port = authority;
        return true;
    }
    stop = *at == '[' ? literal_end(at, end) : name_end(at, end);
    if (!stop)
        return false;
    if (stop < end) {
        if (*stop != ':')
            return false;
        digits = weir__slice_of(stop + 1, (size_t)(end - stop - 1));
        if (digits.len > 0 && !weir__http1_scan_number(digits.at, digits.len, 65535, &number))
            return false;
    }
    *name = weir__slice_of(at, (size_t)(stop - at));
    *port = digits;
    return true;
}
