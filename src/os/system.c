/* os/system.c - see <weir/system.h>; title.c has the title, random.c the random bytes. */
#include <weir/system.h>

#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "sys/current.h"
#include "sys/facts.h"
#include "sys/limits.h"

/* Gives as much as the caller knows. */
static int give(void *out, size_t size, const void *facts, size_t facts_size)
{
    memcpy(out, facts, size < facts_size ? size : facts_size);
    return 0;
}

static uint32_t at_least_one(int count)
{
    return count < 1 ? 1 : (uint32_t)count;
}

int weir_system_processors_n(struct weir_processors *out, size_t size)
{
    WEIR__CALL;
    struct weir_processors facts = {
        .usable = at_least_one(weir__limits_cpus()),
        .mask = at_least_one(weir__limits_cpus_affinity()),
        .online = at_least_one(weir__facts_online()),
        .configured = at_least_one(weir__facts_configured()),
        .quota_milli = weir__limits_cpu_quota_milli(),
    };

    return give(out, size, &facts, sizeof facts);
}

/* ---- memory ---- */

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int weir_system_memory_n(struct weir_memory_facts *out, size_t size)
{
    WEIR__CALL;
    struct weir_memory_facts facts = {
        .total = weir__facts_memory(),
        .available = weir__limits_memory_available(),
        .limit = weir__limits_memory_max(),
        .high = weir__limits_memory_high(),
        .used = weir__limits_memory_used(),
        .resident = weir__facts_resident(),
    };

    if (facts.total < 0 || facts.available < 0 || facts.resident < 0)
        return (int)lesser(facts.total, lesser(facts.available, facts.resident));
    if (facts.used < 0)
        facts.used = -1;
    facts.usable = lesser(facts.total, facts.limit);
    facts.left = lesser(facts.available, weir__limits_memory_left());
    return give(out, size, &facts, sizeof facts);
}

/* ---- load and time ---- */

int weir_system_load(double out[3])
{
    WEIR__CALL;
    double load[3];
    int rc = weir__facts_load(load);

    if (rc == 0)
        memcpy(out, load, sizeof load);
    return rc;
}

int64_t weir_system_uptime_ns(void)
{
    WEIR__CALL;

    return weir__facts_uptime_ns();
}

static int64_t ns_of(const struct timeval *time)
{
    return (int64_t)time->tv_sec * 1000000000 + (int64_t)time->tv_usec * 1000;
}

int weir_system_usage_n(struct weir_usage *out, size_t size)
{
    WEIR__CALL;
    struct rusage usage;
    struct weir_usage facts;
    int rc = weir__facts_usage(&usage);

    if (rc < 0)
        return rc;
    facts = (struct weir_usage){
        .user_ns = ns_of(&usage.ru_utime),
        .system_ns = ns_of(&usage.ru_stime),
        .resident_max = (int64_t)usage.ru_maxrss * 1024,
        .faults = (uint64_t)usage.ru_minflt,
        .disk_faults = (uint64_t)usage.ru_majflt,
        .switches = (uint64_t)usage.ru_nvcsw,
        .preemptions = (uint64_t)usage.ru_nivcsw,
        .blocks_read = (uint64_t)usage.ru_inblock,
        .blocks_wrote = (uint64_t)usage.ru_oublock,
    };
    return give(out, size, &facts, sizeof facts);
}

/* ---- names ---- */

/* The text, if it fits with a terminator. */
static int give_text(char *out, size_t cap, const char *text, size_t len)
{
    if (len >= cap)
        return WEIR_ENOBUFS;
    memcpy(out, text, len);
    out[len] = 0;
    return (int)len;
}

_Static_assert(sizeof((struct utsname){0}.sysname) == 65, "as struct weir_names has it");

int weir_system_names_n(struct weir_names *out, size_t size)
{
    WEIR__CALL;
    struct weir_names facts;
    struct utsname names;
    int rc = weir__facts_names(&names);

    if (rc < 0)
        return rc;
    memcpy(facts.system, names.sysname, sizeof facts.system);
    memcpy(facts.release, names.release, sizeof facts.release);
    memcpy(facts.version, names.version, sizeof facts.version);
    memcpy(facts.machine, names.machine, sizeof facts.machine);
    memcpy(facts.host, names.nodename, sizeof facts.host);
    return give(out, size, &facts, sizeof facts);
}

int weir_system_host(char *out, size_t cap)
{
    WEIR__CALL;
    struct utsname names;
    int rc = weir__facts_names(&names);

    return rc < 0 ? rc : give_text(out, cap, names.nodename, strlen(names.nodename));
}

#define PATH_ROOM 4097 /* the kernel gives at most a page */

/* The kernel puts a word behind the path of a file that has no name any more. */
static size_t without_word(const char *path, size_t len)
{
    static const char word[] = " (deleted)";
    const size_t word_len = sizeof word - 1;

    return len > word_len && memcmp(path + len - word_len, word, word_len) == 0 ? len - word_len
                                                                                : len;
}

static int give_executable(char *out, size_t cap, char *path, int *removed)
{
    bool gone = false;
    int rc = weir__facts_executable(path, PATH_ROOM, &gone);

    if (rc < 0)
        return rc;
    rc = give_text(out, cap, path, gone ? without_word(path, (size_t)rc) : (size_t)rc);
    if (rc >= 0 && removed)
        *removed = gone;
    return rc;
}

int weir_system_executable(char *out, size_t cap, int *removed)
{
    WEIR__CALL;
    char *path = weir__alloc(PATH_ROOM);
    int rc;

    if (!path)
        return WEIR_ENOMEM;
    rc = give_executable(out, cap, path, removed);
    weir__free(path);
    return rc;
}
