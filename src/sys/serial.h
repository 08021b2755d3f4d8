/* sys/serial.h - serial ports: what tty_ioctl(4) says, with any rate (struct termios2).
 *
 * Whoever includes <asm/termbits.h> for that struct cannot include <termios.h>. Each call returns
 * -errno when it fails. Any thread.
 */
#ifndef WEIR_SYS_SERIAL_H
#define WEIR_SYS_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

struct termios2;
struct weir_serial_counts;

/* Takes the place of ioctl(2) for the calls below, unless it is NULL: a test's port. */
extern int (*weir__serial_ioctl)(int fd, unsigned long request, void *arg);

int weir__serial_get(int fd, struct termios2 *out);
/* At once. Does not stop the caller for a change from the background: SIGTTOU is blocked. */
int weir__serial_set(int fd, const struct termios2 *mode);
/* The same for what ends a port, and so has no fault. */
void weir__serial_restore(int fd, const struct termios2 *mode);

/* Blocks until all has been sent. */
int weir__serial_drain(int fd);
int weir__serial_flush(int fd, bool input, bool output);
int weir__serial_queued(int fd, uint32_t *input, uint32_t *output);
int weir__serial_break(int fd, bool on);
/* The bits are those of TIOCMGET. */
int weir__serial_lines(int fd, int *out);
int weir__serial_set_lines(int fd, int set, int clear);
int weir__serial_counts(int fd, struct weir_serial_counts *out);

/* WEIR_EBUSY if somebody has asked for it by flock(2). */
int weir__serial_claim(int fd);
/* Has no fault. The lock goes with the descriptor. */
void weir__serial_unclaim(int fd);
/* Drops what has not been sent, if there is something, so that close(2) does not wait for it. Has
 * no fault. */
void weir__serial_forget(int fd);

#endif
