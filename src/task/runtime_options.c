/* task/runtime_options.c - options of a runtime as text and from the environment. */
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/line.h"
#include "base/options.h"
#include "core/buffers.h"
#include "sys/limits.h"
#include "task/runtime.h"
#include "task/stack.h"

#define SPIN_DEFAULT_NS       200000
#define SPIN_MAX_NS           1000000000
#define SLICE_DEFAULT_NS      1000000
#define SLICE_MIN_NS          100000
#define SLICE_MAX_NS          1000000000
#define REPORT_DEFAULT_NS     1000000000
#define PACK_AFTER_DEFAULT_NS 10000000000
#define VALUE_MAX             64
#define SIM_WORKERS           4 /* on every machine: it decides what a seed does */

enum option_kind {
    OPTION_COUNT, /* uint32_t */
    OPTION_SIGNAL,
    OPTION_SIZE,
    OPTION_TIME,
    OPTION_SWITCH,
    OPTION_BACKEND,
    OPTION_PIN,
    OPTION_CLOCK,
    OPTION_SEED,
    OPTION_POINTER, /* in the struct alone, and so is what follows */
    OPTION_TEXT
};

struct option {
    const char *key;
    const char *variable;
    enum option_kind kind;
    size_t offset;
    const char *meaning;
};

#define AT(member) offsetof(struct weir_runtime_options, member)

static const struct option table[] = {
    {"workers", "WEIR_WORKERS", OPTION_COUNT, AT(workers), "threads that run tasks"},
    {"backend", "WEIR_BACKEND", OPTION_BACKEND, AT(backend), "auto, uring, epoll or sim"},
    {"buffers", "WEIR_BUFFERS", OPTION_COUNT, AT(buffers_max), "most buffers a worker lends"},
    {"spin", "WEIR_SPIN", OPTION_TIME, AT(spin_ns), "longest look for work before a sleep, or off"},
    {"stack", "WEIR_STACK", OPTION_SIZE, AT(stack_size), "of a task, with its guard"},
    {"lend", "WEIR_LEND", OPTION_SWITCH, AT(lend), "step the worker of a task that computes"},
    {"pin", "WEIR_PIN", OPTION_PIN, AT(pin), "bind workers: none, cores or nodes"},
    {"signal", "WEIR_SIGNAL", OPTION_SIGNAL, AT(lend_signal), "what lending uses"},
    {"slice", "WEIR_SLICE", OPTION_TIME, AT(slice_ns), "a longer run has its worker lent"},
    {"report", "WEIR_REPORT", OPTION_TIME, AT(report_ns), "a longer run is reported, or off"},
    {"no_overflow_report", "WEIR_NO_OVERFLOW_REPORT", OPTION_SWITCH, AT(no_overflow_report),
     "leave SIGSEGV alone"},
    {"pack_after", "WEIR_PACK_AFTER", OPTION_TIME, AT(pack_after_ns),
     "a packable task that waits for longer is packed, or off"},
    {"dump", "WEIR_DUMP", OPTION_SIGNAL, AT(dump_signal), "a signal that has tasks dumped, or 0"},
    {"clock", "WEIR_CLOCK", OPTION_CLOCK, AT(clock), "real or virtual"},
    {"seed", "WEIR_SEED", OPTION_SEED, AT(seed), "of the backend sim"},
    {"hooks", NULL, OPTION_POINTER, AT(hooks), "what the program has called by workers and tasks"},
    {"name", NULL, OPTION_TEXT, AT(name), "of the runtime, for messages"},
};

/* ---- values ---- */

/* Reads digits: false if there are none or too many. */
static bool read_number(const char **at, uint64_t *out)
{
    const char *from = *at;

    for (*out = 0; **at >= '0' && **at <= '9'; (*at)++) {
        if (*out > (UINT64_MAX - 9) / 10)
            return false;
        *out = *out * 10 + (uint64_t)(**at - '0');
    }
    return *at != from;
}

static bool scale(uint64_t *number, uint64_t unit)
{
    if (*number > INT64_MAX / unit)
        return false;
    *number *= unit;
    return true;
}

static bool read_time(const char *text, int64_t *out)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
    uint64_t number;
    size_t i;

    if (strcmp(text, "off") == 0) {
        *out = -1;
        return true;
    }
    if (!read_number(&text, &number))
        return false;
    for (i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(text, units[i].name) == 0 && scale(&number, units[i].ns)) {
            *out = (int64_t)number;
            return true;
        }
    }
    return false;
}

static bool read_size(const char *text, size_t *out)
{
    uint64_t number;

    if (!read_number(&text, &number))
        return false;
    if ((*text == 'k' && !scale(&number, 1024)) || (*text == 'm' && !scale(&number, 1024 * 1024)))
        return false;
    text += *text == 'k' || *text == 'm';
    *out = (size_t)number;
    return *text == 0;
}

/* The index of the text in a list that ends with NULL, or -1. */
static int read_word(const char *text, const char *const *words)
{
    int i;

    for (i = 0; words[i]; i++) {
        if (strcmp(text, words[i]) == 0)
            return i;
    }
    return -1;
}

static bool read_count(const char *text, uint64_t max, uint32_t *out)
{
    uint64_t number;

    if (!read_number(&text, &number) || *text || number > max)
        return false;
    *out = (uint32_t)number;
    return true;
}

static const char *const backends[] = {"auto", "uring", "epoll", "sim", NULL};
static const char *const switches[] = {"default", "on", "off", NULL};
static const char *const pins[] = {"none", "cores", "nodes", NULL};
static const char *const clocks[] = {"real", "virtual", NULL};

static bool set(struct weir_runtime_options *options, const struct option *option, const char *text)
{
    void *at = (char *)options + option->offset;
    int word;

    switch (option->kind) {
    case OPTION_COUNT:
        return read_count(text, UINT32_MAX, at);
    case OPTION_SIGNAL:
        return read_count(text, 64, at);
    case OPTION_SIZE:
        return read_size(text, at);
    case OPTION_TIME:
        return read_time(text, at);
    case OPTION_SWITCH:
        word = read_word(text, switches);
        *(uint8_t *)at = (uint8_t)word;
        return word >= 0;
    case OPTION_BACKEND:
        word = read_word(text, backends);
        *(uint32_t *)at = (uint32_t)word;
        return word >= 0;
    case OPTION_PIN:
        word = read_word(text, pins);
        *(uint8_t *)at = (uint8_t)word;
        return word >= 0;
    case OPTION_CLOCK:
        word = read_word(text, clocks);
        *(uint8_t *)at = (uint8_t)word;
        return word >= 0;
    case OPTION_SEED:
        return read_number(&text, at) && *text == 0;
    case OPTION_POINTER:
    case OPTION_TEXT:
        break;
    }
    return false;
}

/* ---- text ---- */

/* Of those that have one. */
static const struct option *find(const char *key, size_t len)
{
    size_t i;

    for (i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].variable && strlen(table[i].key) == len && memcmp(table[i].key, key, len) == 0)
            return &table[i];
    }
    return NULL;
}

/* One "key=value", of `len` bytes. */
static bool parse_one(struct weir_runtime_options *options, const char *text, size_t len)
{
    const char *mark = memchr(text, '=', len);
    size_t key_len = mark ? (size_t)(mark - text) : len;
    const struct option *option = mark ? find(text, key_len) : NULL;
    char value[VALUE_MAX];

    if (!option || len - key_len - 1 >= sizeof value)
        return false;
    memcpy(value, mark + 1, len - key_len - 1);
    value[len - key_len - 1] = 0;
    return set(options, option, value);
}

int weir_runtime_options_parse_n(struct weir_runtime_options *options, const char *text,
                                 const char **where, size_t options_size)
{
    struct weir_runtime_options own = {0};
    int rc = weir__options_copy(&own, sizeof own, options, options_size);

    while (rc == 0 && *text) {
        size_t len = strcspn(text, ",");

        if (!parse_one(&own, text, len)) {
            rc = WEIR_EOPTION;
            break;
        }
        text += len + (text[len] == ',');
    }
    if (rc == 0)
        memcpy(options, &own, options_size < sizeof own ? options_size : sizeof own);
    else if (where)
        *where = text;
    return rc;
}

/* ---- what is not said ---- */

static bool is_zero(const struct weir_runtime_options *options, const struct option *option)
{
    const char *at = (const char *)options + option->offset;

    switch (option->kind) {
    case OPTION_COUNT:
    case OPTION_SIGNAL:
    case OPTION_BACKEND:
        return *(const uint32_t *)(const void *)at == 0;
    case OPTION_SIZE:
        return *(const size_t *)(const void *)at == 0;
    case OPTION_TIME:
    case OPTION_SEED:
        return *(const int64_t *)(const void *)at == 0;
    case OPTION_SWITCH:
    case OPTION_PIN:
    case OPTION_CLOCK:
        return *at == 0;
    case OPTION_POINTER:
    case OPTION_TEXT:
        return !*(const void *const *)(const void *)at;
    }
    return false;
}

/* What the environment says of it, or NULL. */
static const char *variable_of(const struct option *option)
{
    return option->variable ? getenv(option->variable) : NULL;
}

static int from_environment(struct weir_runtime_options *options)
{
    size_t i;

    for (i = 0; i < sizeof table / sizeof *table; i++) {
        const char *value = variable_of(&table[i]);

        if (value && is_zero(options, &table[i]) && !set(options, &table[i], value))
            return WEIR_EOPTION;
    }
    return 0;
}

static void from_defaults(struct weir_runtime_options *o)
{
    if (!o->workers)
        o->workers = o->backend == WEIR_BACKEND_SIM ? SIM_WORKERS : (uint32_t)weir__limits_cpus();
    if (o->lend == WEIR_DEFAULT)
        o->lend = o->workers > 1 ? WEIR_ON : WEIR_OFF;
    if (o->no_overflow_report == WEIR_DEFAULT)
        o->no_overflow_report = WEIR_OFF;
    if (!o->spin_ns)
        o->spin_ns = SPIN_DEFAULT_NS;
    if (!o->slice_ns)
        o->slice_ns = SLICE_DEFAULT_NS;
    if (!o->report_ns)
        o->report_ns = o->workers > 1 ? REPORT_DEFAULT_NS : -1; /* no second thread for it */
    if (!o->pack_after_ns)
        o->pack_after_ns = o->clock == WEIR_CLOCK_VIRTUAL || o->backend == WEIR_BACKEND_SIM
                               ? -1
                               : PACK_AFTER_DEFAULT_NS;
    if (!o->lend_signal)
        o->lend_signal = SIGRTMIN + 8;
}

int weir__runtime_options_fill(struct weir_runtime_options *o)
{
    int rc = from_environment(o);

    if (rc < 0)
        return rc;
    from_defaults(o);
    if (o->workers > WEIR_WORKERS_MAX || o->spin_ns > SPIN_MAX_NS || o->slice_ns < SLICE_MIN_NS
        || o->slice_ns > SLICE_MAX_NS || o->lend > WEIR_OFF || o->no_overflow_report > WEIR_OFF
        || o->pin > WEIR_PIN_NODES || o->clock > WEIR_CLOCK_VIRTUAL || o->lend_signal < 1
        || o->lend_signal > SIGRTMAX || o->dump_signal < 0 || o->dump_signal > SIGRTMAX
        || o->dump_signal == o->lend_signal)
        return WEIR_EOPTION;
    return 0;
}

/* ---- telling ---- */

/* What others put for zero. */
static void from_others(struct weir_runtime_options *o)
{
    if (!o->buffers_max)
        o->buffers_max = WEIR__BUFFERS_DEFAULT_MAX;
    if (!o->stack_size)
        o->stack_size = WEIR__STACK_SLOT_DEFAULT;
}

static void describe_number(struct weir__line *line, const struct weir_runtime_options *options,
                            const struct option *option)
{
    const char *at = (const char *)options + option->offset;

    if (option->kind == OPTION_SIZE)
        weir__line_add_number(line, *(const size_t *)(const void *)at);
    else if (option->kind == OPTION_SEED)
        weir__line_add_number(line, *(const uint64_t *)(const void *)at);
    else
        weir__line_add_number(line, *(const uint32_t *)(const void *)at);
}

static void describe_time(struct weir__line *line, int64_t ns)
{
    static const struct {
        int64_t ns;
        const char *name;
    } units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};
    size_t i = 0;

    if (ns < 0) {
        weir__line_add(line, "off");
        return;
    }
    while (ns % units[i].ns)
        i++;
    weir__line_add_number(line, (uint64_t)(ns / units[i].ns));
    weir__line_add(line, units[i].name);
}

static void describe(struct weir__line *line, const struct weir_runtime_options *options,
                     const struct option *option)
{
    const char *at = (const char *)options + option->offset;

    switch (option->kind) {
    case OPTION_COUNT:
    case OPTION_SIGNAL:
    case OPTION_SIZE:
        describe_number(line, options, option);
        break;
    case OPTION_SEED:
        if (is_zero(options, option))
            weir__line_add(line, "random");
        else
            describe_number(line, options, option);
        break;
    case OPTION_TIME:
        describe_time(line, *(const int64_t *)(const void *)at);
        break;
    case OPTION_SWITCH:
        weir__line_add(line, switches[*(const uint8_t *)at]);
        break;
    case OPTION_BACKEND:
        weir__line_add(line, backends[*(const uint32_t *)(const void *)at]);
        break;
    case OPTION_PIN:
        weir__line_add(line, pins[*(const uint8_t *)at]);
        break;
    case OPTION_CLOCK:
        weir__line_add(line, clocks[*(const uint8_t *)at]);
        break;
    case OPTION_POINTER:
        weir__line_add(line, is_zero(options, option) ? "none" : "set");
        break;
    case OPTION_TEXT:
        weir__line_add_cut(
            line, is_zero(options, option) ? "none" : *(const char *const *)(const void *)at,
            VALUE_MAX);
        break;
    }
}

int weir_runtime_options_each_n(const struct weir_runtime_options *options,
                                weir_runtime_option_fn *tell, void *arg, size_t options_size)
{
    struct weir_runtime_options own = {0};
    int rc = weir__options_copy(&own, sizeof own, options, options_size);
    size_t i;

    if (rc < 0)
        return rc;
    for (i = 0; i < sizeof table / sizeof *table; i++) {
        const struct option *option = &table[i];
        const char *variable = is_zero(&own, option) ? variable_of(option) : NULL;
        struct weir_runtime_option told = {
            option->key, option->variable, NULL, option->meaning, variable ? WEIR_ON : WEIR_OFF,
            WEIR_OFF};
        struct weir_runtime_options filled;
        struct weir__line line;

        weir__line_init(&line);
        if (variable && !set(&own, option, variable)) {
            rc = WEIR_EOPTION;
            told.wrong = WEIR_ON;
            weir__line_add(&line, variable);
        } else {
            filled = own;
            from_defaults(&filled);
            from_others(&filled);
            describe(&line, &filled, option);
        }
        told.value = line.text;
        tell(&told, arg);
    }
    return rc;
}
