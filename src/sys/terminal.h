/* sys/terminal.h - terminals and pseudo-terminals: what termios(3) and tty_ioctl(4) say.
 *
 * Each call returns -errno when it fails. Any thread.
 */
#ifndef WEIR_SYS_TERMINAL_H
#define WEIR_SYS_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

struct termios;

bool weir__terminal_is(int fd);
/* Whether it is the upper end of a pseudo-terminal. */
bool weir__terminal_is_master(int fd);

/* Which one it is: both ends of a pseudo-terminal are one. The device of the descriptor's file does
 * not say, since it is the same for all upper ends. */
int weir__terminal_device(int fd, uint64_t *out);

int weir__terminal_get(int fd, struct termios *out);
/* When what was written has been sent. Does not stop the caller for a write from the background:
 * SIGTTOU is blocked meanwhile. */
int weir__terminal_set(int fd, const struct termios *mode);
/* The same without waiting, for a signal handler. Cannot fail so that anybody could help. */
void weir__terminal_restore(int fd, const struct termios *mode);

struct weir__terminal_size {
    uint16_t rows, columns;
};
int weir__terminal_get_size(int fd, struct weir__terminal_size *out);
int weir__terminal_set_size(int fd, const struct weir__terminal_size *size);

/* Makes a pseudo-terminal: both ends close-on-exec, neither becomes anybody's controlling terminal.
 */
int weir__terminal_open(int *master, int *slave);

#endif
