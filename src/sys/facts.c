/* sys/facts.c - see facts.h. */
#include "sys/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <weir/error.h>

#include "sys/call.h"

int weir__facts_online(void)
{
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int weir__facts_configured(void)
{
    return (int)sysconf(_SC_NPROCESSORS_CONF);
}

int64_t weir__facts_memory(void)
{
    struct sysinfo info;
    int rc = weir__sys_result(sysinfo(&info));

    return rc < 0 ? rc : (int64_t)info.totalram * info.mem_unit;
}

/* The second number of /proc/self/statm, in pages. */
int64_t weir__facts_resident(void)
{
    long long pages;
    char text[128];
    int rc, fd = weir__sys_openat(AT_FDCWD, "/proc/self/statm", O_RDONLY, 0);

    if (fd < 0)
        return fd;
    rc = weir__sys_read(fd, text, sizeof text - 1);
    weir__sys_close(fd);
    if (rc < 0)
        return rc;
    text[rc] = 0;
    return sscanf(text, "%*d %lld", &pages) == 1 ? pages * sysconf(_SC_PAGESIZE) : WEIR_EIO;
}

int weir__facts_load(double out[3])
{
    int fault = WEIR__SYS_FAULT(EIO);

    if (fault)
        return fault;
    return getloadavg(out, 3) == 3 ? 0 : WEIR_EIO;
}

int64_t weir__facts_uptime_ns(void)
{
    struct timespec now;
    int rc = weir__sys_result(clock_gettime(CLOCK_BOOTTIME, &now));

    return rc < 0 ? rc : (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int weir__facts_usage(struct rusage *out)
{
    return weir__sys_result(getrusage(RUSAGE_SELF, out));
}

int weir__facts_names(struct utsname *out)
{
    int fault = WEIR__SYS_FAULT(EIO);

    return fault ? fault : weir__sys_result(uname(out));
}

int weir__facts_executable(char *out, size_t cap, bool *removed)
{
    struct stat about;
    int rc = weir__sys_fstatat(AT_FDCWD, "/proc/self/exe", &about, 0);

    if (rc < 0)
        return rc;
    *removed = about.st_nlink == 0;
    return weir__sys_readlink("/proc/self/exe", out, cap);
}

int weir__facts_name_process(const char *name)
{
    char path[64];
    size_t len = strlen(name);
    int rc, fd;

    snprintf(path, sizeof path, "/proc/self/task/%d/comm", (int)getpid());
    fd = weir__sys_openat(AT_FDCWD, path, O_WRONLY, 0);
    if (fd < 0)
        return fd;
    rc = weir__sys_write(fd, name, len < 15 ? len : 15);
    weir__sys_close(fd);
    return rc < 0 ? rc : 0;
}

void weir__facts_keep_name(char *name)
{
    char *slash = strrchr(name, '/');

    program_invocation_name = name;
    program_invocation_short_name = slash ? slash + 1 : name;
}
