/* system.c - what the machine has, and what the process may use of it.
 *
 *   cc -o system system.c $(pkg-config --cflags --libs weir)
 *   ./system
 *   ./system watch           and says then what happens to the interfaces, until SIGINT
 *
 * The title that ps(1) shows is "system: printing" meanwhile.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <weir.h>

static void print_limit(const char *name, int64_t bytes)
{
    if (bytes == WEIR_UNLIMITED)
        printf("%-12s none\n", name);
    else
        printf("%-12s %lld MiB\n", name, (long long)bytes >> 20);
}

static void print_machine(void)
{
    struct weir_names names;
    struct weir_processors processors;
    struct weir_memory_facts memory;
    double load[3];

    if (weir_system_names(&names) == 0)
        printf("%-12s %s, %s %s on %s\n", "host", names.host, names.system, names.release,
               names.machine);
    weir_system_processors(&processors);
    printf("%-12s %u usable of %u\n", "processors", processors.usable, processors.configured);
    if (weir_system_memory(&memory) == 0) {
        print_limit("memory", memory.usable);
        print_limit("left", memory.left);
        print_limit("limit", memory.limit);
        print_limit("resident", memory.resident);
    }
    if (weir_system_load(load) == 0)
        printf("%-12s %.2f %.2f %.2f\n", "load", load[0], load[1], load[2]);
    printf("%-12s %llu s\n", "uptime", (unsigned long long)weir_system_uptime_ns() / 1000000000);
}

static void print_process(void)
{
    struct weir_user user;
    unsigned char bytes[8];
    char text[4096];
    size_t i;

    if (weir_system_executable(text, sizeof text, NULL) >= 0)
        printf("%-12s %s\n", "program", text);
    if (weir_user_by_number(weir_user_own(), &user) == 0) {
        printf("%-12s %s, at home in %s\n", "user", user.name, user.home);
        weir_user_free(&user);
    }
    if (weir_environment_get("LANG", text, sizeof text) >= 0)
        printf("%-12s %s\n", "language", text);
    if (weir_random(bytes, sizeof bytes) == 0) {
        printf("%-12s ", "random");
        for (i = 0; i < sizeof bytes; i++)
            printf("%02x", bytes[i]);
        printf("\n");
    }
}

static int print_network(void)
{
    char text[WEIR_ADDRESS_TEXT_MAX];
    struct weir_netifs list;
    size_t i, k;
    int rc = weir_netif_list(&list);

    if (rc < 0)
        return rc;
    for (i = 0; i < list.interface_count; i++) {
        printf("%-12s %s\n", list.interfaces[i].name,
               list.interfaces[i].flags & WEIR_NETIF_RUNNING ? "running" : "not running");
        for (k = 0; k < list.address_count; k++) {
            if (list.addresses[k].interface == list.interfaces[i].number
                && weir_address_format(&list.addresses[k].address, text, sizeof text) > 0)
                printf("%-12s %s/%u\n", "", text, list.addresses[k].prefix);
        }
    }
    weir_netif_free(&list);
    return 0;
}

/* Until the scope is cancelled. */
static int watch_network(void *arg)
{
    static const char *const names[] = {"",
                                        "added",
                                        "removed",
                                        "went up",
                                        "went down",
                                        "changed",
                                        "has an address",
                                        "has lost one",
                                        "too much has happened"};
    const weir_netif_watch *watch = arg;
    struct weir_netif_event event;
    int rc;

    while ((rc = weir_netif_watch_next(*watch, &event)) > 0) {
        if (event.change <= WEIR_NETIF_CHANGED)
            printf("%s %s\n", event.interface.name, names[rc]);
        else if (event.change < WEIR_NETIF_RESCAN)
            printf("interface %u %s\n", event.address.interface, names[rc]);
        else
            printf("%s\n", names[rc]);
        fflush(stdout);
    }
    return rc;
}

static int watch(void)
{
    static const int signals[] = {SIGINT, SIGTERM};
    weir_netif_watch changes;
    weir_signals ends;
    weir_scope scope;
    int rc = weir_netif_watch_open(&changes);

    if (rc < 0)
        return rc;
    rc = weir_signals_open(&ends, signals, 2); /* from now on they end nothing */
    if (rc < 0) {
        weir_netif_watch_close(changes);
        return rc;
    }
    printf("watching\n");
    fflush(stdout);
    weir_scope_open(&scope);
    rc = weir_spawn(&scope, watch_network, &changes);
    if (rc == 0)
        weir_signals_next(ends, NULL);
    weir_scope_cancel(&scope);
    rc = weir_scope_join(&scope);
    weir_signals_close(ends);
    weir_netif_watch_close(changes);
    return rc == WEIR_ECANCELED ? 0 : rc;
}

static int run(void *arg)
{
    char **arguments = arg;
    int rc;

    weir_system_set_title("system: printing");
    print_machine();
    print_process();
    rc = print_network();
    return rc == 0 && arguments[1] && strcmp(arguments[1], "watch") == 0 ? watch() : rc;
}

int main(int argc, char **argv)
{
    int rc;

    argv = weir_system_keep_arguments(argc, argv);
    rc = argv ? weir_run(run, argv, NULL) : WEIR_ENOMEM;
    if (rc < 0)
        fprintf(stderr, "system: %s\n", weir_strerror(rc));
    return rc < 0;
}
