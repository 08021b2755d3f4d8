/* cli/listen.c - listening with a message that says what to do about a failure. */
#include <string.h>

#include "cli.h"

static const char *advice(int rc, bool file)
{
    switch (rc) {
    case WEIR_EADDRINUSE:
        return file ? "a program listens there, or a file is in the way; remove it, or choose "
                      "another path"
                    : "another program listens there; choose another port, or 0 to have one picked";
    case WEIR_EACCES:
        return file ? "choose a folder that you may write to"
                    : "ports below 1024 need root or CAP_NET_BIND_SERVICE; choose a higher one";
    case WEIR_EADDRNOTAVAIL:
        return "this machine has no such address; 'ip address' lists what it has";
    case WEIR_EADDRESS:
        return "give tcp://HOST:PORT or unix:///PATH, for example tcp://127.0.0.1:8080";
    case WEIR_ENOSCHEME:
        return "only tcp:// and unix:// are known";
    case WEIR_ENAME:
        return "give the address as a number, or localhost";
    case WEIR_ENOENT:
        return "the folder of the socket does not exist; make it first";
    case WEIR_EMFILE:
        return "raise the limit with 'ulimit -n'";
    default:
        return "see 'weir doctor'";
    }
}

/* With SO_REUSEPORT the kernel lets two servers of one user share a port, which nobody wants of a
 * command: looks first whether the port is free. */
static int look_for_others(const char *address)
{
    struct weir_listen_options options = {.reuse_port = WEIR_OFF};
    size_t len = strlen(address);
    weir_listener probe;
    int rc;

    if (strncmp(address, "tcp://", 6) != 0 || (len > 2 && strcmp(address + len - 2, ":0") == 0))
        return 0;
    rc = weir_listen(&probe, address, &options);
    if (rc == 0)
        weir_listener_close(probe);
    return rc;
}

int cli_listen(weir_listener *out, const char *address)
{
    bool file = strncmp(address, "unix:", 5) == 0;
    int rc = look_for_others(address);

    if (rc == 0)
        rc = weir_listen(out, address, NULL);
    if (rc == WEIR_EADDRESS || rc == WEIR_ENOSCHEME || rc == WEIR_ENAME)
        return cli_fail(CLI_USAGE, "cannot listen on %s: %s: %s", address, weir_strerror(rc),
                        advice(rc, file));
    if (rc < 0)
        return cli_fail(CLI_FAILED, "cannot listen on %s: %s: %s", address, weir_strerror(rc),
                        advice(rc, file));
    return 0;
}
