/* test/fault/serial.c - opening a serial port, changing and using it, while the n-th allocation or
 * system call fails. */
#include "test.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <weir.h>

#include "support/faults.h"

static int upper;
static char name[64];

static int use_open(weir_stream port)
{
    struct weir_serial_settings settings = {.rate = 19200};
    char byte = 0;
    int rc = weir_serial_set(port, &settings, WEIR_SERIAL_DRAINED);

    if (rc == 0)
        rc = weir_serial_get(port, &settings);
    if (rc == 0 && settings.rate != 19200)
        return 1;
    if (rc == 0)
        rc = weir_write_all(port, "b", 1);
    if (rc == 0 && (read(upper, &byte, 1) != 1 || byte != 'b'))
        return 1;
    return rc < 0 ? rc : weir_serial_flush(port, WEIR_SERIAL_BOTH);
}

static int use_port(void *arg)
{
    struct weir_serial_options options = {
        .settings = {.rate = 4800}, .exclusive = WEIR_ON, .restore = WEIR_ON};
    weir_stream port = {7};
    int rc = weir_serial_open(&port, name, &options);

    (void)arg;
    if (rc < 0)
        return port.id == 7 ? rc : 1;
    rc = use_open(port);
    weir_close(port);
    return rc;
}

/* Whatever failed, the terminal is as before. */
static int run_port(void)
{
    struct weir_runtime_options options = {.workers = 1, .spin_ns = -1};
    struct termios2 before, after;
    int rc;

    memset(&before, 0, sizeof before);
    memset(&after, 0, sizeof after);
    upper = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (upper < 0 || unlockpt(upper) < 0 || ptsname_r(upper, name, sizeof name)
        || ioctl(upper, TCGETS2, &before) < 0)
        return 1;
    rc = weir_run(use_port, NULL, &options);
    if (ioctl(upper, TCGETS2, &after) < 0 || memcmp(&before, &after, sizeof before) != 0)
        rc = 1;
    close(upper);
    return rc;
}

TEST(every_allocation_of_a_serial_port_may_fail)
{
    fail_each(run_port, WEIR__FAULT_ALLOC);
}

TEST(every_system_call_of_a_serial_port_may_fail)
{
    fail_each(run_port, WEIR__FAULT_CALL);
}
