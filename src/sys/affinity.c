/* sys/affinity.c - see affinity.h. The mask of the process is that of its first thread, which is
 * not bound by weir unless it is a worker: so it is read once, at the first use.
 */
#include "sys/affinity.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <weir/error.h>

#include "sys/call.h"
#include "sys/lock.h"

#define NODES_MAX 64

static cpu_set_t usable;
static bool known;
static uint32_t lock;

static const cpu_set_t *usable_cpus(void)
{
    weir__lock(&lock);
    if (!known && sched_getaffinity(0, sizeof usable, &usable) < 0)
        CPU_ZERO(&usable);
    known = true;
    weir__unlock(&lock);
    return &usable;
}

uint32_t weir__affinity_count(void)
{
    return (uint32_t)CPU_COUNT(usable_cpus());
}

int weir__affinity_here(void)
{
    return sched_getcpu();
}

int weir__affinity_cpu(uint32_t index)
{
    const cpu_set_t *set = usable_cpus();
    int count = CPU_COUNT(set), cpu, left;

    if (count == 0)
        return WEIR_ENOENT;
    left = (int)(index % (uint32_t)count);
    for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, set) && left-- == 0)
            return cpu;
    }
    return WEIR_ENOENT;
}

/* Adds the processors of a list such as "0-3,8" that are usable. */
static void add_list(const char *text, cpu_set_t *out)
{
    int first, last, used;

    while (sscanf(text, "%d%n", &first, &used) == 1) {
        text += used;
        last = first;
        if (*text == '-' && sscanf(text + 1, "%d%n", &last, &used) == 1)
            text += 1 + used;
        for (; first <= last && first < CPU_SETSIZE; first++) {
            if (CPU_ISSET(first, usable_cpus()))
                CPU_SET(first, out);
        }
        if (*text != ',')
            break;
        text++;
    }
}

static bool read_node(int node, cpu_set_t *out)
{
    char path[64], text[1024];
    int fd, len;

    CPU_ZERO(out);
    snprintf(path, sizeof path, "/sys/devices/system/node/node%d/cpulist", node);
    fd = weir__sys_openat(AT_FDCWD, path, O_RDONLY, 0);
    if (fd < 0)
        return false;
    len = weir__sys_read(fd, text, sizeof text - 1);
    weir__sys_close(fd);
    if (len <= 0)
        return false;
    text[len] = 0;
    add_list(text, out);
    return CPU_COUNT(out) > 0;
}

/* The index-th node that has usable processors, in turn: its number. */
static int find_node(uint32_t index, cpu_set_t *out)
{
    cpu_set_t set;
    uint32_t count = 0;
    int node;

    for (node = 0; node < NODES_MAX; node++)
        count += read_node(node, &set);
    if (count == 0)
        return WEIR_ENOENT;
    index %= count;
    for (node = 0; node < NODES_MAX; node++) {
        if (read_node(node, out) && index-- == 0)
            return node;
    }
    return WEIR_ENOENT;
}

int weir__affinity_bind(uint32_t index, bool node)
{
    cpu_set_t set;
    int cpu, rc;

    if (node) {
        rc = find_node(index, &set);
        return rc < 0 ? rc : weir__sys_result(sched_setaffinity(0, sizeof set, &set));
    }
    cpu = weir__affinity_cpu(index);
    return cpu < 0 ? cpu : weir__thread_bind(cpu);
}

static int node_of(int cpu)
{
    cpu_set_t set;
    int node;

    for (node = 0; node < NODES_MAX; node++) {
        if (read_node(node, &set) && CPU_ISSET(cpu, &set))
            return node;
    }
    return WEIR_ENOENT;
}

int weir__affinity_node(uint32_t index, bool node)
{
    cpu_set_t set;
    int cpu;

    if (node)
        return find_node(index, &set);
    cpu = weir__affinity_cpu(index);
    return cpu < 0 ? cpu : node_of(cpu);
}
