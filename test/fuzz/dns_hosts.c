/* test/fuzz/dns_hosts.c - hosts files of arbitrary bytes: what is found has the port and the family
 * that were asked for.
 */
#include "proto/dns/hosts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <weir/resolve.h>

#include "proto/dns/message.h"

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void find(const struct weir__dns_hosts *hosts, const char *name)
{
    weir_address out[8];
    int all = weir__dns_hosts_find(hosts, name, WEIR_IP_ANY, 7, out, 8), i;
    int v4 = weir__dns_hosts_find(hosts, name, WEIR_IP_V4, 7, out, 8);
    int v6 = weir__dns_hosts_find(hosts, name, WEIR_IP_V6, 7, out, 8);

    must(all >= -1 && all <= 8 && all != 0);
    must(all < 0 ? v4 == -1 && v6 == -1 : v4 + v6 >= all);
    for (i = 0; i < v6; i++)
        must(weir_address_port(&out[i]) == 7 && out[i].len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir__dns_hosts hosts;
    char *text = malloc(size + 1), name[WEIR__DNS_QUESTION_MAX], *word, *save = NULL;

    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    must(weir__dns_hosts_read(&hosts, text, size) == 0);
    must((hosts.count == 0) == (hosts.entries == NULL));
    for (word = strtok_r(text, " \t\r\n#", &save); word; word = strtok_r(NULL, " \t\r\n#", &save)) {
        if (weir__dns_name_prepare(name, word) == 0)
            find(&hosts, name);
    }
    weir__dns_hosts_fini(&hosts);
    free(text);
    return 0;
}
