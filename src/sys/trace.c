/* sys/trace.c - see trace.h. */
#include "sys/trace.h"

#include <string.h>

#if defined(__GLIBC__)
#include <dlfcn.h>
#include <execinfo.h>

void weir__trace_prepare(void)
{
    void *frame;

    (void)backtrace(&frame, 1);
}

int weir__trace(void **frames, int room)
{
    return backtrace(frames, room);
}

int weir__trace_from(void **frames, int room, const void *first)
{
    int count = weir__trace(frames, room), at = 0;

    while (at < count && frames[at] != first)
        at++;
    if (at == count)
        return count;
    memmove(frames, frames + at, (size_t)(count - at) * sizeof *frames);
    return count - at;
}

void weir__trace_describe(struct weir__line *line, void *frame)
{
    Dl_info info;
    const char *slash;

    if (!dladdr(frame, &info) || !info.dli_fname) {
        weir__line_add_address(line, frame);
    } else if (info.dli_sname) {
        weir__line_add(line, info.dli_sname);
        weir__line_add(line, "+");
        weir__line_add_address(line, (void *)((char *)frame - (char *)info.dli_saddr));
    } else {
        slash = strrchr(info.dli_fname, '/');
        weir__line_add(line, slash ? slash + 1 : info.dli_fname);
        weir__line_add(line, "+");
        weir__line_add_address(line, (void *)((char *)frame - (char *)info.dli_fbase));
    }
}

#else

void weir__trace_prepare(void)
{
}

int weir__trace(void **frames, int room)
{
    (void)frames;
    (void)room;
    return 0;
}

int weir__trace_from(void **frames, int room, const void *first)
{
    (void)first;
    return weir__trace(frames, room);
}

void weir__trace_describe(struct weir__line *line, void *frame)
{
    weir__line_add_address(line, frame);
}

#endif
