#!/usr/bin/env python3
"""Each example is built against the public headers and the archive alone, and tried with traffic.

Rows: `build_NAME` and `NAME`. The examples' behaviour is what their head comments promise.
"""
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios

SOURCE = os.environ.get("WEIR_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
BUILD = os.environ.get("WEIR_BUILD_DIR", os.path.join(SOURCE, "build", "release"))
SECONDS = 10
LONG = 240  # for programs that compute: only a hang takes longer, also on a busy machine


class Example:
    """A running example; `port` is where it listens."""

    def __init__(self, path, *more, scheme="tcp"):
        self.process = subprocess.Popen([path, scheme + "://127.0.0.1:0", *more], text=True,
                                        stdout=subprocess.PIPE)
        ready = select.select([self.process.stdout], [], [], SECONDS)[0]
        line = self.process.stdout.readline() if ready else ""
        if not line.startswith("listening %s://" % scheme):
            self.process.kill()
            self.process.wait()
            raise AssertionError("no address but %r" % line)
        self.port = int(line.rsplit(":", 1)[1])

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "still running"
        self.process.stdout.close()
        if kind is None:
            assert code == 0, "exit %s after SIGTERM" % code


def read_all(peer, count):
    data = b""
    while len(data) < count:
        more = peer.recv(count - len(data))
        if not more:
            break
        data += more
    return data


def read_line(peer):
    data = b""
    while not data.endswith(b"\n"):
        more = peer.recv(1)
        if not more:
            break
        data += more
    return data


def try_echo(port_of):
    blob = os.urandom(30000)
    peers = [port_of.connect() for _ in range(20)]
    for peer in peers:
        peer.sendall(blob)
    for peer in peers:
        assert read_all(peer, len(blob)) == blob, "not what was sent"
        peer.shutdown(socket.SHUT_WR)
        assert peer.recv(1) == b"", "no end after the end"
        peer.close()


def echo(path):
    with Example(path("echo")) as server:
        try_echo(server)


def loop_echo(path):
    with Example(path("loop_echo")) as server:
        try_echo(server)


def chat(path):
    with Example(path("chat")) as server:
        one, two, three = server.connect(), server.connect(), server.connect()
        for peer in (one, two, three):
            assert read_line(peer) == b"welcome\n"
        one.sendall(b"good morning\nall\n")
        for peer in (two, three):
            assert read_line(peer) == b"good morning\n"
            assert read_line(peer) == b"all\n"
        two.close()
        three.sendall(b"and you\n")
        assert read_line(one) == b"and you\n", "the speaker's own lines came back"
        one.close()
        three.close()


def lines(path):
    with Example(path("lines")) as server:
        with server.connect() as peer:
            peer.sendall(b"one\r\ntwo\n\nth")
            assert read_all(peer, 9) == b"eno\nowt\n\n"
            peer.sendall(b"ree\n" + b"x" * 30000 + b"\n" + b"y" * 80 + b"\nlast")
            assert read_line(peer) == b"eerht\n"
            assert read_line(peer) == b"too long\n"
            assert read_line(peer) == b"y" * 80 + b"\n"
            peer.shutdown(socket.SHUT_WR)
            assert read_line(peer) == b"tsal\n"
            assert peer.recv(1) == b""


def proxy(path):
    with Example(path("echo")) as server:
        with Example(path("proxy"), "tcp://127.0.0.1:%d" % server.port) as front:
            try_echo(front)


def handover(path):
    control = "unix://" + path("handover.sock")
    with Example(path("handover"), control) as old:
        peers = [old.connect() for _ in range(20)]
        for peer in peers:
            peer.sendall(b"one\nhal")
            assert read_line(peer) == b"1 one\n"
        with Example(path("handover"), control) as new:
            assert new.port == old.port
            assert old.process.wait(SECONDS) == 0
            fresh = new.connect()
            for peer in peers:
                peer.sendall(b"f\nthree\n")
                assert read_line(peer) == b"2 half\n" and read_line(peer) == b"3 three\n"
            with Example(path("handover"), control) as newest:
                assert new.process.wait(SECONDS) == 0
                for peer in peers:
                    peer.sendall(b"four\n")
                    assert read_line(peer) == b"4 four\n"
                    peer.close()
                fresh.sendall(b"a\n")
                assert read_line(fresh) == b"1 a\n"
                fresh.close()
                with newest.connect() as last:
                    last.sendall(b"b\n")
                    assert read_line(last) == b"1 b\n"


def timeout(path):
    with Example(path("timeout")) as server:
        with server.connect() as peer:
            assert read_line(peer) == b"too slow\n"
        with server.connect() as peer:
            peer.sendall(b"20\n")
            assert read_line(peer) == b"done\n"
        with server.connect() as peer:
            peer.sendall(b"60000\n")
            peer.sendall(b"x")
            assert read_line(peer) == b"stopped\n"


def lookup(path):
    with Example(path("lookup")) as server:
        with server.connect() as peer:
            peer.sendall(b"localhost\n")
            assert read_line(peer) in (b"127.0.0.1\n", b"::1\n")
        with server.connect() as peer:
            peer.sendall(b"127.0.0.2\n")
            assert read_line(peer) == b"127.0.0.2\n"


def leases(path):
    answer = subprocess.run([path("leases")], check=True, timeout=SECONDS, stdout=subprocess.PIPE)
    assert answer.stdout.decode().splitlines() == [
        " 3.0 h: the scanner is free", " 8.0 h: 2 leases", " 9.0 h: the room is free",
        "16.0 h: 1 leases", "22.0 h: the printer is free", "24.0 h: 0 leases"]


def shutdown(path):
    with Example(path("shutdown")) as server:
        waiting, asking = server.connect(), server.connect()
        waiting.sendall(b"first\n")
        assert read_line(waiting) == b"working\n" and read_line(waiting) == b"first\n"
        asking.sendall(b"last\n")
        assert read_line(asking) == b"working\n"  # its handler has begun
        server.process.send_signal(signal.SIGTERM)
        assert waiting.recv(1) == b"", "an idle connection outlived the drain"
        assert read_line(asking) == b"last\n", "an answer was lost"
        assert asking.recv(1) == b""
        assert server.process.wait(SECONDS) == 0


def workshop(path):
    done = subprocess.run([path("workshop"), "12"], stdout=subprocess.PIPE, text=True,
                          timeout=SECONDS, check=True)
    assert done.stdout == "12 visitors, at most 3 at once, light turned on 1 time\n", done.stdout


def couriers(path):
    answer = subprocess.run([path("couriers")], check=True, timeout=SECONDS, stdout=subprocess.PIPE)
    assert answer.stdout.decode().splitlines() == [
        "1 h: bert has turned back", "2 h: cleo has delivered", "3 h: anna has delivered",
        "4 h: dora has turned back"], answer.stdout


def bank(path):
    done = subprocess.run([path("bank"), "20000"], stdout=subprocess.PIPE, text=True,
                          timeout=LONG, check=True)
    assert done.stdout == "20000 transfers, 8000 in the bank\n", done.stdout


def tree(path):
    folder = tempfile.mkdtemp(prefix="weir-tree-")

    def run(*words):
        return subprocess.run([path("tree"), *words], cwd=folder, stdout=subprocess.PIPE,
                              text=True, timeout=LONG, check=True).stdout

    try:
        os.makedirs(os.path.join(folder, "from", "a", "b"))
        for number in range(100):
            with open(os.path.join(folder, "from", "a", str(number)), "w") as file:
                file.write(str(number) * number)
        os.symlink("/", os.path.join(folder, "from", "a", "b", "root"))
        assert run("copy", "from", "to") == ""
        subprocess.run(["diff", "-r", "--no-dereference", "from", "to"], cwd=folder, check=True)
        assert run("size", "to").endswith(" bytes in 103 names\n"), run("size", "to")
        assert run("remove", "to") == "104 names\n"
        assert os.listdir(folder) == ["from"]
    finally:
        shutil.rmtree(folder)


def watch(path):
    folder = tempfile.mkdtemp(prefix="weir-watch-")
    process = subprocess.Popen([path("watch"), folder], stdout=subprocess.PIPE)
    text = ""

    def lines(last):
        """Reads until there is this line."""
        nonlocal text
        while last not in text.split("\n")[:-1]:
            assert select.select([process.stdout], [], [], SECONDS)[0], text
            more = os.read(process.stdout.fileno(), 4096).decode()
            assert more, text
            text += more

    try:
        lines("watching " + folder)
        os.makedirs(os.path.join(folder, "a", "b"))
        for save in range(2):
            with open(os.path.join(folder, "a", "b", "new"), "w") as file:
                file.write(str(save))
            os.rename(os.path.join(folder, "a", "b", "new"), os.path.join(folder, "a", "b", "file"))
        lines("created a/b/file")
        os.rename(os.path.join(folder, "a"), os.path.join(folder, "c"))
        lines("renamed c/ (it was a)")
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0, process.returncode
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        shutil.rmtree(folder)


def pipeline(path):
    answer = subprocess.run([path("pipeline"), "100000"], stdout=subprocess.PIPE, text=True,
                            timeout=LONG, check=True).stdout
    assert answer == "77031 takes 350 steps, of 99999 tried\n", answer


def many_seeds(path, name, broken):
    """Some seeds pass, and replay alone; what its head comment tells to break is found."""
    run = subprocess.run([path(name), "200"], stdout=subprocess.PIPE, text=True, timeout=LONG,
                         check=True)
    assert run.stdout == "ok\n", run.stdout
    with open(os.path.join(SOURCE, "examples", name + ".c"), encoding="utf-8") as file:
        source = file.read()
    assert broken[0] in source
    with open(path(name + "_broken.c"), "w", encoding="utf-8") as file:
        file.write(source.replace(*broken))
    compile_to(os.path.dirname(path(name)), name + "_broken", path(name + "_broken.c"))
    run = subprocess.run([path(name + "_broken"), "3000"], stderr=subprocess.PIPE, text=True,
                         timeout=LONG, check=False)
    assert run.returncode == 1, "no seed finds it"
    seed = run.stderr.split("replay: WEIR_SEED=")[1].split()[0]
    again = subprocess.run([path(name + "_broken")], stderr=subprocess.PIPE, text=True,
                           timeout=LONG,
                           env=dict(os.environ, WEIR_SEED=seed), check=False)
    assert again.returncode == 1 and again.stderr.split(";")[0] == run.stderr.split(";")[0], again


def sim_retry(path):
    many_seeds(path, "sim_retry", ("id > session.disk->last_id", "id != session.disk->last_id"))


def sim_lock(path):
    many_seeds(path, "sim_lock",
               ("/* asked_ns = weir_now_ns();  <- with this line there are two holders */",
                "asked_ns = weir_now_ns();"))


def sim_log(path):
    many_seeds(path, "sim_log", ("rc = weir_file_data_sync(log->file);", "rc = 0;"))


def ping(path):
    for host in ("127.0.0.1", "::1"):
        if host == "::1" and not os.path.exists("/proc/net/if_inet6"):
            continue
        done = subprocess.run([path("ping"), host, "3", "10"], stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.PIPE, timeout=SECONDS)
        if "ermi" in done.stderr:  # neither ICMP datagrams nor raw sockets for this user
            continue
        lines = done.stdout.splitlines()
        assert done.returncode == 0 and len(lines) == 5, done
        assert lines[3] == "3 sent, 3 received", lines[3]
        assert all(" ttl 64, " in line for line in lines[:3]), lines


def udp_echo(path):
    with Example(path("udp_echo"), scheme="udp") as server:
        peers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
        for peer in peers:
            peer.settimeout(SECONDS)
            peer.connect(("127.0.0.1", server.port))
        for size in (0, 1, 1400):
            blob = os.urandom(size)
            for peer in peers:
                peer.send(blob)
            for peer in peers:
                assert peer.recv(2000) == blob, "not what was sent"
        for peer in peers:
            peer.close()
        if shutil.which("socat"):
            answer = subprocess.run(["socat", "-t1", "-", "UDP:127.0.0.1:%d" % server.port],
                                    input=b"from socat", stdout=subprocess.PIPE, timeout=SECONDS)
            assert answer.stdout == b"from socat", answer


def run(path):
    commands = ["echo one", "echo two >&2; exit 3", "kill -9 $$", "cat"]
    done = subprocess.run([path("run"), "2"] + commands, stdout=subprocess.PIPE, text=True,
                          timeout=SECONDS)
    assert done.returncode == 2, done.returncode
    lines = sorted(done.stdout.splitlines())
    assert lines == sorted(["one", "-- echo one: 0", "two", "-- echo two >&2; exit 3: 3",
                            "-- kill -9 $$: signal 9", "-- cat: 0"]), done.stdout
    assert done.stdout.index("one\n-- echo one: 0\n") >= 0, "an output is torn"


def serial(path):
    upper, lower = os.openpty()
    before = termios.tcgetattr(lower)
    port = subprocess.Popen([path("serial"), os.ttyname(lower), "31250"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE)
    port.stdin.write(b"typed\x03")
    port.stdin.flush()
    assert os.read(upper, 6) == b"typed\x03", "what was typed does not come"
    os.write(upper, b"said\r\n")
    assert port.stdout.read(6) == b"said\r\n", "what the port says does not come"
    port.stdin.write(b"\x1d")
    port.stdin.close()
    assert port.wait(SECONDS) == 0
    assert termios.tcgetattr(lower) == before, "the settings are not the old ones"
    os.close(upper)
    os.close(lower)
    missing = subprocess.run([path("serial"), "/dev/null", "9600"], stderr=subprocess.PIPE,
                             stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
    assert missing.returncode == 1 and missing.stderr.startswith(b"serial: "), missing


def system(path):
    done = subprocess.run([path("system")], stdout=subprocess.PIPE, text=True, timeout=SECONDS,
                          check=True)
    facts = dict(line.split(None, 1) for line in done.stdout.splitlines() if line[0] != " ")
    assert facts["program"] == os.path.realpath(path("system")), facts
    assert os.uname().release in facts["host"], facts
    assert 1 <= int(facts["processors"].split()[0]) <= len(os.sched_getaffinity(0)), facts
    assert len(bytes.fromhex(facts["random"])) == 8 and "lo" in facts, facts
    process = subprocess.Popen([path("system"), "watch"], stdout=subprocess.PIPE, text=True)
    while process.stdout.readline() != "watching\n":
        assert process.poll() is None, "it does not watch"
    with open("/proc/%d/cmdline" % process.pid, encoding="utf-8") as title:
        assert title.read().rstrip("\0") == "system: printing"
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0
    process.stdout.close()


def names(path):
    words = ["localhost", "127.0.0.2", "both.test", "no.test", "both.test"]
    program = shutil.which("dnsmasq") or shutil.which("dnsmasq", path="/usr/sbin")
    for _ in range(10):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = program and subprocess.Popen(
            [program, "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--no-daemon",
             "--listen-address=127.0.0.1", "--bind-interfaces", "--pid-file=", "--user=",
             "--group=", "--local=/test/", "--port=%d" % port,
             "--host-record=both.test,192.0.2.1"], stderr=subprocess.DEVNULL)
        try:
            for _ in range(20):
                done = subprocess.run([path("names"), "127.0.0.1:%d" % port, *words], text=True,
                                      stdout=subprocess.PIPE, timeout=60, check=True)
                lines = done.stdout.splitlines()
                assert lines[0] in ("localhost: 127.0.0.1:80 [::1]:80",
                                    "localhost: [::1]:80 127.0.0.1:80"), lines
                assert lines[1] == "127.0.0.2: 127.0.0.2:80" and len(lines) == 5, lines
                if not program or lines[2] == "both.test: 192.0.2.1:80":
                    break
        finally:
            if program:
                server.kill()
                server.wait()
        if not program:
            return
        if lines[2] == "both.test: 192.0.2.1:80":
            assert lines[4] == lines[2] and lines[3] == "no.test: no such host name", lines
            return
    raise AssertionError("dnsmasq does not answer: %r" % lines)


def compile_to(folder, name, source=None):
    command = [os.environ.get("CC", "cc"), "-std=gnu17", "-Wall", "-Wextra", "-O1",
               "-I" + os.path.join(SOURCE, "include"),
               "-o", os.path.join(folder, name),
               source or os.path.join(SOURCE, "examples", name + ".c")]
    if name == "names":
        command += [os.path.join(BUILD, "libweir-dns.a"), "-lcares"]
    command += [os.path.join(BUILD, "libweir.a"), "-lpthread"]
    with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as cache:
        for line in cache:
            if line.startswith("WEIR_SANITIZE:") and line.strip().split("=", 1)[1]:
                command.append("-fsanitize=" + line.strip().split("=", 1)[1])
    subprocess.run(command, check=True, timeout=120)


def main():
    failed = False
    folder = tempfile.mkdtemp(prefix="weir-examples-")
    try:
        names = sorted(name[:-2] for name in os.listdir(os.path.join(SOURCE, "examples"))
                       if name.endswith(".c"))
        if not os.path.exists(os.path.join(BUILD, "libweir-dns.a")):
            names.remove("names")
            print("skip names libweir-dns was left out")
        for name in names:
            for row, check in (("build_" + name, lambda: compile_to(folder, name)),
                             (name, lambda: globals()[name](
                                 lambda which: os.path.join(folder, which)))):
                try:
                    check()
                    print("ok " + row, flush=True)
                except (AssertionError, OSError, KeyError, subprocess.SubprocessError) as error:
                    failed = True
                    print("%s: %r" % (name, error))
                    print("not ok " + row, flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
