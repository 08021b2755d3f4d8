/* sys/terminal.c - see terminal.h. */
#include "sys/terminal.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "sys/call.h"

#if !defined(TIOCGPTPEER)
#define TIOCGPTPEER _IO('T', 0x41) /* Linux 4.13 */
#endif
#define LOWER_MAJOR 136 /* of lower ends; their minor is the number of the pair */

bool weir__terminal_is(int fd)
{
    struct termios mode;

    return tcgetattr(fd, &mode) == 0;
}

bool weir__terminal_is_master(int fd)
{
    unsigned number;

    return ioctl(fd, TIOCGPTN, &number) == 0;
}

int weir__terminal_device(int fd, uint64_t *out)
{
    unsigned number;
    struct stat about;
    int rc;

    if (ioctl(fd, TIOCGPTN, &number) == 0) {
        *out = makedev(LOWER_MAJOR, number);
        return 0;
    }
    rc = weir__sys_fstat(fd, &about);
    if (rc == 0)
        *out = about.st_rdev;
    return rc;
}

int weir__terminal_get(int fd, struct termios *out)
{
    int fault = WEIR__SYS_FAULT(EIO);

    return fault ? fault : weir__sys_result(tcgetattr(fd, out));
}

static int set(int fd, int when, const struct termios *mode)
{
    sigset_t stop, before;
    int rc;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &stop, &before);
    do {
        rc = weir__sys_result(tcsetattr(fd, when, mode));
    } while (rc == -EINTR);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int weir__terminal_set(int fd, const struct termios *mode)
{
    int fault = WEIR__SYS_FAULT(EIO);

    return fault ? fault : set(fd, TCSADRAIN, mode);
}

void weir__terminal_restore(int fd, const struct termios *mode)
{
    (void)set(fd, TCSANOW, mode);
}

int weir__terminal_get_size(int fd, struct weir__terminal_size *out)
{
    int rc = WEIR__SYS_FAULT(ENOTTY);
    struct winsize size;

    if (rc)
        return rc;
    rc = weir__sys_result(ioctl(fd, TIOCGWINSZ, &size));
    if (rc < 0)
        return rc;
    out->rows = size.ws_row;
    out->columns = size.ws_col;
    return 0;
}

int weir__terminal_set_size(int fd, const struct weir__terminal_size *size)
{
    struct winsize wanted = {.ws_row = size->rows, .ws_col = size->columns};
    int fault = WEIR__SYS_FAULT(EIO);

    return fault ? fault : weir__sys_result(ioctl(fd, TIOCSWINSZ, &wanted));
}

int weir__terminal_open(int *master, int *slave)
{
    int upper, rc = WEIR__SYS_FAULT(EMFILE);

    if (rc)
        return rc;
    upper = weir__sys_result(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (upper < 0)
        return upper;
    rc = weir__sys_result(unlockpt(upper));
    if (rc == 0)
        rc = weir__sys_result(ioctl(upper, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (rc < 0) {
        weir__sys_close(upper);
        return rc;
    }
    *master = upper;
    *slave = rc;
    return 0;
}
