/* test/support/nameserver.h - dnsmasq on a port of its own, with records for tests.
 *
 * It ends with the program that has started it. Where there is no dnsmasq the test is skipped.
 */
#ifndef WEIR_TEST_SUPPORT_NAMESERVER_H
#define WEIR_TEST_SUPPORT_NAMESERVER_H

#include "test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char nameserver_config[] =
    "no-resolv\nno-hosts\nno-daemon\nlisten-address=127.0.0.1\nbind-interfaces\n"
    "local=/test/\nlocal=/in-addr.arpa/\nlocal-ttl=600\nneg-ttl=60\ndns-forward-max=1000\n"
    "host-record=both.test,192.0.2.1,2001:db8::1\n"
    "host-record=four.test,192.0.2.4\n"
    "host-record=six.test,2001:db8::6\n"
    "host-record=short.test,192.0.2.9,1\n"
    "host-record=ns.sub.test,192.0.2.53\n"
    "host-record=loop.test,127.0.0.1,::1\n"
    "cname=alias.test,four.test\n"
    "mx-host=mail.test,mx1.test,10\nmx-host=mail.test,mx2.test,20\n"
    "srv-host=_sip._udp.test,sip.test,5060,1,2\n"
    "txt-record=text.test,hello,world\n"
    "ptr-record=7.2.0.192.in-addr.arpa,seven.test\n"
    "caa-record=caa.test,0,issue,ca.example\n"
    "dns-rr=svc.test,65,000100000100030268330003000201bb\n" /* 1 . alpn=h3 port=443 */
    "address=/many.test/192.0.2.77\n";

/* A port on which nobody listens now. */
static inline int nameserver_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* Whether it answers within a tenth of a second. */
static inline int nameserver_answers(int port)
{
    static const unsigned char question[] = {0,   7,   1,   0,   0,   1,   0,   0,   0,
                                             0,   0,   0,   4,   'f', 'o', 'u', 'r', 4,
                                             't', 'e', 's', 't', 0,   0,   1,   0,   1};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    char answer[512];
    int ok;

    (void)connect(fd, (struct sockaddr *)&address, sizeof address);
    ok = send(fd, question, sizeof question, 0) > 0 && poll(&ready, 1, 100) == 1
         && recv(fd, answer, sizeof answer, 0) > 0;
    if (!ok)
        poll(NULL, 0, 10); /* refused: it is not there yet */
    close(fd);
    return ok;
}

static inline pid_t nameserver_spawn(const char *config, int port)
{
    char path[] = "/tmp/weir-dns-XXXXXX", file[64], number[16];
    int fd = mkstemp(path);
    FILE *out = fdopen(fd, "w");
    size_t i;
    pid_t pid;

    fputs(config, out);
    for (i = 0; i < 20; i++)
        fprintf(out, "txt-record=big.test,%0200zu\n", i);
    fclose(out);
    snprintf(file, sizeof file, "--conf-file=%s", path);
    snprintf(number, sizeof number, "--port=%d", port);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        freopen("/dev/null", "w", stderr);
        freopen("/dev/null", "w", stdout);
        execlp("dnsmasq", "dnsmasq", "--pid-file=", "--user=", "--group=", file, number,
               (char *)NULL);
        execl("/usr/sbin/dnsmasq", "dnsmasq", "--pid-file=", "--user=", "--group=", file, number,
              (char *)NULL);
        _exit(127);
    }
    for (i = 0; i < 100 && !nameserver_answers(port); i++) {
        int status;

        if (waitpid(pid, &status, WNOHANG) == pid) {
            unlink(path);
            return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -1 : 0;
        }
    }
    unlink(path);
    return pid;
}

/* The port of the server, started by the first call. */
static inline int nameserver(void)
{
    static int port;
    pid_t pid = 0;
    int tries;

    for (tries = 0; !port && tries < 10 && pid == 0; tries++) {
        int wanted = nameserver_port();

        pid = nameserver_spawn(nameserver_config, wanted);
        if (pid > 0)
            port = wanted;
    }
    if (pid < 0)
        skip("there is no dnsmasq");
    assert_true(port > 0);
    return port;
}

#endif
