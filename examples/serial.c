/* serial.c - a small terminal for a serial port.
 *
 *   cc -o serial serial.c $(pkg-config --cflags --libs weir)
 *   ./serial /dev/ttyUSB0 115200
 *
 * What is typed goes to the port, what the port says is printed. It ends at the end of the input,
 * when everything has been sent, or with Ctrl-], or when the port is gone; the port has its old
 * settings again then, and the keyboard its mode.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir.h>

enum {
    CTRL_BRACKET = 0x1d
};

struct terminal {
    weir_stream port, keyboard, screen;
};

/* Ends with Ctrl-], or at the end. */
static int type(void *arg)
{
    const struct terminal *terminal = arg;
    char bytes[256], *end = NULL;
    ptrdiff_t n;
    int rc = 0;

    while (rc == 0 && !end) {
        n = weir_read(terminal->keyboard, bytes, sizeof bytes);
        if (n <= 0)
            return n < 0 ? (int)n : weir_serial_drain(terminal->port);
        end = memchr(bytes, CTRL_BRACKET, (size_t)n);
        rc = weir_write_all(terminal->port, bytes, end ? (size_t)(end - bytes) : (size_t)n);
    }
    return rc < 0 ? rc : weir_serial_drain(terminal->port);
}

static int show(void *arg)
{
    const struct terminal *terminal = arg;

    return weir_copy(terminal->port, terminal->screen, NULL);
}

static int talk(struct terminal *terminal)
{
    struct weir_scope_options first = {.policy = WEIR_SCOPE_FIRST_DONE};
    weir_scope scope;
    int rc = weir_scope_open_with(&scope, &first);

    if (rc < 0)
        return rc;
    rc = weir_spawn(&scope, type, terminal);
    if (rc == 0)
        rc = weir_spawn(&scope, show, terminal);
    if (rc < 0)
        weir_scope_cancel(&scope);
    return weir_scope_join(&scope);
}

static int run(void *arg)
{
    char **arguments = arg;
    struct weir_serial_options options = {.restore = WEIR_ON, .exclusive = WEIR_ON};
    struct terminal terminal;
    int rc;

    options.settings.rate = (uint32_t)strtoul(arguments[2], NULL, 10);
    rc = weir_serial_open(&terminal.port, arguments[1], &options);
    if (rc < 0)
        return rc;
    rc = weir_standard(&terminal.keyboard, 0);
    if (rc == 0)
        rc = weir_standard(&terminal.screen, 1);
    if (rc == 0) {
        (void)weir_tty_mode(terminal.keyboard, WEIR_TTY_RAW); /* if it is a keyboard */
        rc = talk(&terminal);
    }
    weir_close(terminal.port);
    return rc;
}

int main(int argc, char **argv)
{
    int rc;

    if (argc != 3) {
        fprintf(stderr, "usage: serial PORT RATE\n");
        return 2;
    }
    rc = weir_run(run, argv, NULL);
    if (rc < 0)
        fprintf(stderr, "serial: %s\n", weir_strerror(rc));
    return rc < 0;
}
