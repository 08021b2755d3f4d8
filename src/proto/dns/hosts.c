/* proto/dns/hosts.c - the contract is in hosts.h. */
#include "proto/dns/hosts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <weir/memory.h>
#include <weir/resolve.h>

#include "proto/dns/message.h"

enum {
    ADDRESS_TEXT_MAX = 64,
};

struct weir__dns_host {
    const char *name; /* behind the entries, in the same block */
    uint32_t position;
    weir_address address;
};

struct word {
    const char *at;
    size_t len;
};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of a line, empty at its end or before a comment. */
static struct word next_word(const char **at, const char *end)
{
    struct word word;

    while (*at < end && blank(**at))
        ++*at;
    word = (struct word){*at, 0};
    while (*at < end && !blank(**at) && **at != '#')
        ++*at;
    word.len = (size_t)(*at - word.at);
    return word;
}

static bool to_text(struct word word, char *out, size_t cap)
{
    if (word.len == 0 || word.len >= cap)
        return false;
    memcpy(out, word.at, word.len);
    out[word.len] = 0;
    return true;
}

/* What one pass over the text collects; `hosts` NULL: it only counts. */
struct pass {
    struct weir__dns_hosts *hosts;
    char *names; /* where the next name goes */
    size_t count, name_bytes;
};

static void add(struct pass *pass, const weir_address *address, const char *name)
{
    size_t size = strlen(name) + 1;

    if (pass->hosts) {
        struct weir__dns_host *host = &pass->hosts->entries[pass->count];

        memcpy(pass->names, name, size);
        *host = (struct weir__dns_host){pass->names, (uint32_t)pass->count, *address};
        pass->names += size;
    }
    pass->count++;
    pass->name_bytes += size;
}

static void read_line(struct pass *pass, const char *at, const char *end)
{
    char text[ADDRESS_TEXT_MAX], word[WEIR__DNS_QUESTION_MAX + 1], name[WEIR__DNS_QUESTION_MAX];
    weir_address address;
    struct word next = next_word(&at, end);

    if (!to_text(next, text, sizeof text) || weir_address_host(&address, text, 0) < 0)
        return;
    while ((next = next_word(&at, end)).len > 0) {
        if (to_text(next, word, sizeof word) && weir__dns_name_prepare(name, word) == 0)
            add(pass, &address, name);
    }
}

static void read_lines(struct pass *pass, const char *at, const char *end)
{
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));

        if (!line_end)
            line_end = end;
        read_line(pass, at, line_end);
        at = line_end < end ? line_end + 1 : end;
    }
}

static int compare(const void *left, const void *right)
{
    const struct weir__dns_host *a = left, *b = right;
    int order = strcmp(a->name, b->name);

    return order ? order : a->position < b->position ? -1 : 1;
}

int weir__dns_hosts_read(struct weir__dns_hosts *hosts, const char *text, size_t len)
{
    struct pass pass = {0};
    size_t count;

    *hosts = (struct weir__dns_hosts){0};
    read_lines(&pass, text, text + len);
    count = pass.count;
    if (count == 0)
        return 0;
    hosts->entries = weir_allocate(count * sizeof *hosts->entries + pass.name_bytes);
    if (!hosts->entries)
        return WEIR_ENOMEM;
    hosts->count = count;
    pass = (struct pass){.hosts = hosts, .names = (char *)(hosts->entries + count)};
    read_lines(&pass, text, text + len);
    qsort(hosts->entries, count, sizeof *hosts->entries, compare);
    return 0;
}

void weir__dns_hosts_fini(struct weir__dns_hosts *hosts)
{
    weir_release(hosts->entries);
    *hosts = (struct weir__dns_hosts){0};
}

/* The first entry whose name is not before this one. */
static size_t first_of(const struct weir__dns_hosts *hosts, const char *name)
{
    size_t low = 0, high = hosts->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(hosts->entries[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool fits(const weir_address *address, unsigned ip)
{
    weir_address v4 = {.len = 0};

    (void)weir_address_host(&v4, "0.0.0.0", 0);
    return ip == WEIR_IP_ANY
           || (weir_address_family(address) == weir_address_family(&v4)) == (ip == WEIR_IP_V4);
}

int weir__dns_hosts_find(const struct weir__dns_hosts *hosts, const char *name, unsigned ip,
                         uint16_t port, weir_address *out, size_t max)
{
    size_t at = first_of(hosts, name), count = 0;

    if (at == hosts->count || strcmp(hosts->entries[at].name, name) != 0)
        return -1;
    for (; at < hosts->count && strcmp(hosts->entries[at].name, name) == 0 && count < max; at++) {
        if (!fits(&hosts->entries[at].address, ip))
            continue;
        out[count] = hosts->entries[at].address;
        (void)weir_address_set_port(&out[count++], port);
    }
    return (int)count;
}
