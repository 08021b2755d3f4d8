/* task/dump_text.c - a dump as text; see <weir/dump.h>. On the thread of who asks. */
#include <string.h>

#include "base/line.h"
#include "sys/call.h"
#include "sys/current.h"
#include "sys/trace.h"
#include "task/dump.h"

struct writer {
    weir_dump_text_fn *put;
    void *arg;
};

static void put_line(const struct writer *writer, struct weir__line *line)
{
    if (line->len > WEIR__LINE_BYTES - 2)
        line->len = WEIR__LINE_BYTES - 2;
    line->text[line->len] = 0;
    weir__line_add(line, "\n");
    writer->put(line->text, line->len, writer->arg);
}

/* Seconds with three digits behind the point. */
static void add_seconds(struct weir__line *line, const char *before, int64_t ns)
{
    uint64_t ms = (uint64_t)(ns < 0 ? -ns : ns) / 1000000;

    weir__line_add(line, before);
    if (ns < 0)
        weir__line_add(line, "-");
    weir__line_add_number(line, ms / 1000);
    weir__line_add(line, ".");
    if (ms % 1000 < 100)
        weir__line_add(line, ms % 1000 < 10 ? "00" : "0");
    weir__line_add_number(line, ms % 1000);
    weir__line_add(line, " s");
}

static void put_task(const struct weir_dump_task *task, void *arg)
{
    const struct writer *writer = arg;
    struct weir__line line;
    uint32_t i;

    weir__line_init(&line);
    if (task->id) {
        weir__line_add(&line, "task ");
        weir__line_add_number(&line, task->id);
        weir__line_add(&line, " (");
        weir__line_add(&line, task->name);
        weir__line_add(&line, "): ");
    }
    weir__line_add(&line, task->state);
    if (task->waits_for[0]) {
        weir__line_add(&line, " for ");
        weir__line_add(&line, task->waits_for);
        add_seconds(&line, " since ", task->waited_ns);
    }
    if (task->id)
        add_seconds(&line, ", age ", task->age_ns);
    weir__line_add(&line, ", worker ");
    weir__line_add_number(&line, task->worker);
    if (task->deadline_ns != WEIR_FOREVER)
        add_seconds(&line, ", deadline in ", task->deadline_ns);
    put_line(writer, &line);
    for (i = 0; i < task->frame_count; i++) {
        weir__line_init(&line);
        weir__line_add(&line, "  at ");
        weir__trace_describe(&line, task->frames[i]);
        put_line(writer, &line);
    }
}

int weir_dump_text(weir_runtime *runtime, weir_dump_text_fn *put, void *arg)
{
    WEIR__CALL;
    struct writer writer = {put, arg};
    struct weir__line line;
    int rc = weir_dump(runtime, put_task, &writer);

    if (rc < 0)
        return rc;
    weir__line_init(&line);
    weir__line_add_number(&line, (uint64_t)rc);
    weir__line_add(&line, rc == 1 ? " task" : " tasks");
    weir__current_leave();
    put_line(&writer, &line);
    weir__current_enter();
    return rc;
}

struct output {
    int fd;
    int error;
};

static void write_text(const char *text, size_t len, void *arg)
{
    struct output *output = arg;

    while (len && output->error == 0) {
        int n = weir__sys_write(output->fd, text, len);

        if (n < 0) {
            output->error = n;
        } else {
            text += n;
            len -= (size_t)n;
        }
    }
}

int weir_dump_write(weir_runtime *runtime, int fd)
{
    WEIR__CALL;
    struct output output = {fd, 0};
    int rc = weir_dump_text(runtime, write_text, &output);

    return output.error < 0 && rc >= 0 ? output.error : rc;
}
