/* sys/serial.c - see serial.h. */
#include "sys/serial.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <linux/serial.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <weir/error.h>
#include <weir/serial.h>

#include "sys/call.h"

int (*weir__serial_ioctl)(int fd, unsigned long request, void *arg);

static int control(int fd, unsigned long request, void *arg)
{
    int rc;

    if (weir__serial_ioctl)
        return weir__serial_ioctl(fd, request, arg);
    do {
        rc = weir__sys_result(ioctl(fd, request, arg));
    } while (rc == -EINTR);
    return rc;
}

static int control_or_fault(int fd, unsigned long request, void *arg)
{
    int fault = WEIR__SYS_FAULT(EIO);

    return fault ? fault : control(fd, request, arg);
}

/* Whoever is in the background may change the port all the same. */
static int change(int fd, unsigned long request, void *arg)
{
    sigset_t stop, before;
    int rc;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &stop, &before);
    rc = control(fd, request, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int weir__serial_get(int fd, struct termios2 *out)
{
    return control_or_fault(fd, TCGETS2, out);
}

int weir__serial_set(int fd, const struct termios2 *mode)
{
    struct termios2 copy = *mode;
    int fault = WEIR__SYS_FAULT(EIO);

    return fault ? fault : change(fd, TCSETS2, &copy);
}

void weir__serial_restore(int fd, const struct termios2 *mode)
{
    struct termios2 copy = *mode;

    (void)change(fd, TCSETS2, &copy);
}

int weir__serial_drain(int fd)
{
    int fault = WEIR__SYS_FAULT(EIO);

    return fault ? fault : change(fd, TCSBRK, (void *)1);
}

int weir__serial_flush(int fd, bool input, bool output)
{
    uintptr_t which = input && output ? TCIOFLUSH : input ? TCIFLUSH : TCOFLUSH;
    int fault = WEIR__SYS_FAULT(EIO);

    return fault ? fault : change(fd, TCFLSH, (void *)which);
}

int weir__serial_queued(int fd, uint32_t *input, uint32_t *output)
{
    int in = 0, out = 0, rc = control_or_fault(fd, FIONREAD, &in);

    if (rc == 0)
        rc = control(fd, TIOCOUTQ, &out);
    if (rc < 0)
        return rc;
    *input = (uint32_t)in;
    *output = (uint32_t)out;
    return 0;
}

int weir__serial_break(int fd, bool on)
{
    int fault = on ? WEIR__SYS_FAULT(EIO) : 0; /* what ends something cannot fail */

    return fault ? fault : control(fd, on ? TIOCSBRK : TIOCCBRK, NULL);
}

int weir__serial_lines(int fd, int *out)
{
    return control_or_fault(fd, TIOCMGET, out);
}

int weir__serial_set_lines(int fd, int set, int clear)
{
    int rc = control_or_fault(fd, TIOCMBIS, &set);

    return rc < 0 ? rc : control(fd, TIOCMBIC, &clear);
}

int weir__serial_counts(int fd, struct weir_serial_counts *out)
{
    struct serial_icounter_struct counts;
    int rc;

    memset(&counts, 0, sizeof counts);
    rc = control_or_fault(fd, TIOCGICOUNT, &counts);
    if (rc < 0)
        return rc;
    *out = (struct weir_serial_counts){
        .received = (uint32_t)counts.rx,
        .sent = (uint32_t)counts.tx,
        .frame = (uint32_t)counts.frame,
        .parity = (uint32_t)counts.parity,
        .breaks = (uint32_t)counts.brk,
        .overrun = (uint32_t)counts.overrun,
        .lost = (uint32_t)counts.buf_overrun,
        .cts = (uint32_t)counts.cts,
        .dsr = (uint32_t)counts.dsr,
        .dcd = (uint32_t)counts.dcd,
        .ri = (uint32_t)counts.rng,
    };
    return 0;
}

int weir__serial_claim(int fd)
{
    int rc = WEIR__SYS_FAULT(EIO);

    if (rc == 0)
        rc = weir__sys_result(flock(fd, LOCK_EX | LOCK_NB));
    if (rc == 0)
        rc = control(fd, TIOCEXCL, NULL);
    return rc == -EAGAIN ? WEIR_EBUSY : rc;
}

void weir__serial_unclaim(int fd)
{
    (void)control(fd, TIOCNXCL, NULL);
}

void weir__serial_forget(int fd)
{
    int out = 0;

    if (control(fd, TIOCOUTQ, &out) == 0 && out > 0)
        (void)change(fd, TCFLSH, (void *)(uintptr_t)TCOFLUSH);
}
