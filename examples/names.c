/* names.c - many names looked up at once, without threads.
 *
 *   cc -o names names.c $(pkg-config --cflags --libs weir-dns weir)
 *   ./names - localhost example.org example.net
 *   ./names 127.0.0.1:5353 example.org
 *
 * The first argument is the name server, or - for the system's. Each name is looked up by a task of
 * its own, which has two seconds; c-ares asks for all of them by one socket, on the loop of the
 * runtime. Names that are asked for twice are asked for once.
 */
#include <stdio.h>
#include <string.h>
#include <weir.h>

#define NAMES_MAX     256
#define ADDRESSES_MAX 4

struct name {
    const char *host;
    weir_address found[ADDRESSES_MAX];
    int count; /* or why there are none */
};

static struct name names[NAMES_MAX];

static int look_up(void *arg)
{
    struct name *name = arg;
    weir_block block;

    name->count = weir_deadline_begin(&block, WEIR_SECONDS(2));
    if (name->count == 0) {
        name->count = weir_resolve(name->found, ADDRESSES_MAX, name->host, 80, NULL);
        weir_block_end(&block);
    }
    return 0; /* the others go on */
}

static void print(const struct name *name)
{
    char text[WEIR_ADDRESS_TEXT_MAX];
    int i;

    printf("%s:", name->host);
    for (i = 0; i < name->count; i++) {
        if (weir_address_format(&name->found[i], text, sizeof text) > 0)
            printf(" %s", text + strlen("udp://"));
    }
    printf("%s%s\n", name->count < 0 ? " " : "", name->count < 0 ? weir_strerror(name->count) : "");
}

static int app(void *arg)
{
    struct weir_dns_options options = {.servers = arg};
    weir_scope scope;
    size_t i;
    int rc = weir_dns_init(&options), joined;

    if (rc < 0)
        return rc;
    rc = weir_scope_open(&scope);
    for (i = 0; rc == 0 && i < NAMES_MAX && names[i].host; i++)
        rc = weir_spawn(&scope, look_up, &names[i]);
    joined = weir_scope_join(&scope);
    weir_dns_fini();
    return rc < 0 ? rc : joined;
}

int main(int argc, char **argv)
{
    int i, rc;

    if (argc < 3 || argc > NAMES_MAX + 2) {
        fprintf(stderr, "usage: names SERVER|- NAME...\n");
        return 2;
    }
    for (i = 2; i < argc; i++)
        names[i - 2].host = argv[i];
    rc = weir_run(app, strcmp(argv[1], "-") == 0 ? NULL : argv[1], NULL);
    if (rc < 0)
        fprintf(stderr, "names: %s\n", weir_strerror(rc));
    for (i = 0; rc == 0 && i < argc - 2; i++)
        print(&names[i]);
    return rc < 0;
}
