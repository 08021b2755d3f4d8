#!/usr/bin/env python3
"""weir resolve: what it prints is what dig prints of the same server, and errors are one line.

The server is a dnsmasq of the script's own.
"""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

WEIR = os.environ["WEIR_COMMAND"]
BUILD = os.environ.get("WEIR_BUILD_DIR", "build/release")
SECONDS = 20
CONFIG = """
no-resolv
no-hosts
no-daemon
listen-address=127.0.0.1
bind-interfaces
local=/test/
local=/in-addr.arpa/
local=/ip6.arpa/
local-ttl=600
neg-ttl=60
host-record=both.test,192.0.2.1,2001:db8::1
host-record=four.test,192.0.2.4
address=/two.test/192.0.2.21
address=/two.test/192.0.2.22
cname=alias.test,four.test
mx-host=mail.test,mx1.test,10
mx-host=mail.test,mx2.test,20
srv-host=_sip._udp.test,sip.test,5060,1,2
txt-record=text.test,hello,wide world
txt-record=quoted.test,"a \\"quote\\""
ptr-record=7.2.0.192.in-addr.arpa,seven.test
ptr-record=7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa,six.test
caa-record=caa.test,0,issue,ca.example
dns-rr=svc.test,65,000100000100030268330003000201bb
dns-rr=svc2.test,64,00020373766304746573740000040008c0000201c0000202
dns-rr=odd.test,65000,00ff10
"""
LOOK_UPS = [
    ("both.test", "A"), ("both.test", "AAAA"), ("BOTH.test.", "A"), ("two.test", "A"),
    ("alias.test", "CNAME"), ("mail.test", "MX"), ("_sip._udp.test", "SRV"),
    ("text.test", "TXT"), ("quoted.test", "TXT"), ("7.2.0.192.in-addr.arpa", "PTR"),
    ("caa.test", "CAA"), ("svc.test", "HTTPS"), ("svc2.test", "SVCB"), ("odd.test", "TYPE65000"),
    ("big.test", "TXT"),
]


class Server:
    """A dnsmasq on a port of its own; port is None if it cannot run."""

    def __init__(self, program, folder):
        path = os.path.join(folder, "conf")
        with open(path, "w", encoding="ascii") as conf:
            conf.write(CONFIG)
            for i in range(20):
                conf.write("txt-record=big.test,%0200d\n" % i)
        for _ in range(10):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
            self.process = subprocess.Popen(
                [program, "--conf-file=" + path, "--pid-file=", "--user=", "--group=",
                 "--port=%d" % self.port], stderr=subprocess.DEVNULL)
            if self.answers():
                return
            self.end()
        raise AssertionError("dnsmasq does not start")

    def answers(self):
        for _ in range(100):
            if self.process.poll() is not None:
                return False
            done = subprocess.run(
                [WEIR, "resolve", "--server", "127.0.0.1:%d" % self.port, "--type", "A",
                 "--timeout", "500ms", "four.test"], stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, check=False, timeout=SECONDS)
            if done.stdout == b"192.0.2.4\n":
                return True
        return False

    def end(self):
        self.process.kill()
        self.process.wait()


def resolve(*words, environment=None):
    return subprocess.run([WEIR, "resolve", *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False,
                          env=dict(os.environ, **(environment or {})))


def lines(text):
    """The records, without what the two write in other ways: the strings of a TXT are joined."""
    rows = [re.sub(r'" "', "", row).replace('"', "") for row in text.splitlines()]
    return sorted(row.lower() for row in rows)


def agrees_with_dig(server, name, kind):
    at = ["-p", str(server.port), "@127.0.0.1"]
    dig = subprocess.run(["dig", "+short", *at, name, kind], stdout=subprocess.PIPE, text=True,
                         timeout=SECONDS, check=True).stdout
    own = resolve("--type", kind, "--server", "127.0.0.1:%d" % server.port, name)
    assert own.returncode == 0 and own.stderr == "", own
    assert lines(own.stdout) and lines(own.stdout) == lines(dig), (own.stdout, dig)


def fails(code, pattern, *words):
    done = resolve(*words)
    assert done.returncode == code and done.stdout == "", done
    assert re.fullmatch("weir: .*%s.*\n" % pattern, done.stderr), done.stderr


def errors(server):
    at = ("--server", "127.0.0.1:%d" % server.port)
    fails(1, "nothing.test: .*no such", *at, "nothing.test")
    fails(1, "nothing.test: .*no such", *at, "--type", "MX", "nothing.test")
    fails(1, "four.test: .*no such record", *at, "--type", "AAAA", "four.test")
    fails(1, "four.elsewhere: .*refused", *at, "--type", "A", "four.elsewhere")
    fails(1, "a\\.\\.b: ", *at, "a..b")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        fails(1, "four.test: .*", "--server", "127.0.0.1:%d" % silent.getsockname()[1],
              "--timeout", "100ms", "four.test")


def usage(_):
    fails(2, "needs a name")
    fails(2, "one argument too many", "a", "b")
    fails(2, "--type nonsense: ", "--type", "nonsense", "a")
    fails(2, "--server nonsense: ", "--server", "nonsense", "a")
    fails(2, "--timeout never: ", "--timeout", "never", "a")
    done = resolve("--help")
    assert done.returncode == 0 and "usage: weir resolve" in done.stdout, done


def addresses(server):
    at = ("--server", "127.0.0.1:%d" % server.port)
    done = resolve(*at, "both.test")
    assert sorted(done.stdout.split()) == ["192.0.2.1", "2001:db8::1"], done
    assert resolve("127.0.0.2").stdout == "127.0.0.2\n"
    assert resolve("::2").stdout == "::2\n"
    assert sorted(resolve("localhost").stdout.split()) == ["127.0.0.1", "::1"]
    assert resolve(*at, "--type", "ptr", "192.0.2.7").stdout == "seven.test.\n"
    assert resolve(*at, "--type", "PTR", "2001:db8::7").stdout == "six.test.\n"
    for backend in ("uring", "epoll"):
        done = resolve(*at, "--type", "A", "four.test", environment={"WEIR_BACKEND": backend})
        assert done.stdout == "192.0.2.4\n" or "resolve ended" in done.stderr, done


def main():
    program = shutil.which("dnsmasq") or shutil.which("dnsmasq", path="/usr/sbin")
    if not program or not shutil.which("dig"):
        print("dnsmasq or dig is not installed")
        return 77
    if not os.path.exists(os.path.join(BUILD, "libweir-dns.a")):
        print("libweir-dns was left out")
        return 77
    failed = False
    folder = tempfile.mkdtemp(prefix="weir-resolve-")
    server = Server(program, folder)
    rows = [("resolve_errors", lambda: errors(server)), ("resolve_usage", lambda: usage(server)),
            ("resolve_addresses", lambda: addresses(server))]
    for name, kind in LOOK_UPS:
        rows.append(("resolve_as_dig_%s_%s" % (kind, name.strip(".").replace(".", "_")),
                     lambda name=name, kind=kind: agrees_with_dig(server, name, kind)))
    try:
        for row, check in rows:
            try:
                check()
                print("ok " + row, flush=True)
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                failed = True
                print("%s: %r" % (row, error))
                print("not ok " + row, flush=True)
    finally:
        server.end()
        shutil.rmtree(folder, ignore_errors=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
