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
    struct weir_system_names names;
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

static int run(void *arg)
{
    (void)arg;
    weir_system_set_title("system: printing");
    print_machine();
    print_process();
    return 0;
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
