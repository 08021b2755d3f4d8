#!/usr/bin/env python3
"""weir serve among bad clients: slow, endless, gone, too many, deaf. On both backends.

Each case has a server of its own with two workers, and a row NAME_BACKEND. What is asked of the
server is the same everywhere: whoever is slow is ended by a limit, nobody costs the others more
than a little time, descriptors come back, and memory stays within a stated bound (MEMORY_* below,
over what the server had after a first round of the same).

Times are compared with the server's own limits, from below exactly, from above with SLACK_S, so
that a loaded machine fails nothing. Random choices come from one seed.
"""
import concurrent.futures
import contextlib
import itertools
import os
import random
import re
import resource
import select
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

SOURCE = os.environ.get("WEIR_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
BUILD = os.environ.get("WEIR_BUILD_DIR", os.path.join(SOURCE, "build", "release"))
COMMAND = os.environ.get("WEIR_COMMAND", os.path.join(BUILD, "weir"))
SEED = 20240607
MIB = 1 << 20
PAGE = resource.getpagesize()

SECONDS = 20  # for what should come at once
SLACK_S = 4  # for what should come after a limit has passed
HEADER_S = 1
IDLE_S = 1
DEAF_S = 2  # the idle limit for who does not read
DRAIN_S = 10

# While clients send as fast as they can, the buffers that a worker lends (16 MiB) and the chunks
# that it keeps (6 MiB) may fill up. Connections that come and go add nothing to what many at once
# have needed; 4 MiB are 200 bytes for each of them. AddressSanitizer keeps freed memory for a
# while (ASAN_OPTIONS below); ThreadSanitizer takes what it likes, and is not asked.
MEMORY_BUSY = 48 * MIB
MEMORY_STEADY = 4 * MIB
MEMORY_ASAN = 64 * MIB

LARGE = 64 * MIB
DROPS, BATCH = 20000, 2000
HEAD = b"GET %s HTTP/1.1\r\nHost: x\r\n"
NUMBERS = itertools.count()
RESET = struct.pack("ii", 1, 0)  # for SO_LINGER: close resets


def get(path, more=b""):
    return HEAD % path + more + b"\r\n"


def sanitizers():
    try:
        with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as cache:
            return re.search(r"^WEIR_SANITIZE:\w+=(.*)$", cache.read(), re.M).group(1)
    except (OSError, AttributeError):
        return ""


def until(condition, seconds, what):
    """Waits for what no event tells: the state of another process."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "%s: not within %s s" % (what(), seconds)
        time.sleep(0.002)


SANITIZERS = sanitizers()


# --- the server ----------------------------------------------------------------------------------

class Unavailable(Exception):
    pass


class Server:
    """A running `weir serve` over the site. At the end of a `with` it must have no descriptors
    that it did not begin with, must exit with 0 after SIGTERM and have said nothing on stderr."""

    def __init__(self, place, backend, *options):
        # The kernel may hold a ring's sockets for a while after its process: a new name each time.
        number = next(NUMBERS)
        self.unix = os.path.join(place, "socket%d" % number)
        self.log = open(os.path.join(place, "stderr%d" % number), "w+", encoding="utf-8",
                        errors="replace")
        env = dict(os.environ)
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"
        self.process = subprocess.Popen(
            [COMMAND, "serve", "--backend", backend, "--workers", "2",
             "--listen", "tcp://127.0.0.1:0", "--listen", "unix://" + self.unix, *options,
             os.path.join(place, "site")], text=True, stdout=subprocess.PIPE, stderr=self.log,
            env=env)
        lines = [self.process.stdout.readline() for _ in range(2)]
        found = re.search(r"http://127\.0\.0\.1:(\d+) ", lines[0])
        if not found or self.unix not in lines[1]:
            self.process.kill()
            self.process.wait()
            if backend == "uring" and re.search("implemented|permitted|doctor", self.stderr()):
                raise Unavailable(self.stderr().splitlines()[0])
            raise AssertionError("no addresses but %r, %r" % (lines, self.stderr()))
        self.address = ("127.0.0.1", int(found.group(1)))
        self.ask(unix=True)
        for _ in range(24):  # so many that both workers have begun, and have what they keep open
            self.ask()
        self.rest = min(self.descriptors() for _ in range(50))  # the last may be going still

    def stderr(self):
        self.log.seek(0)
        return self.log.read()

    def connect(self, unix=False, receive_buffer=0):
        peer = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        peer.settimeout(SECONDS)
        if receive_buffer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            peer.connect(self.unix if unix else self.address)
            if not unix:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            peer.close()
            raise
        return peer

    def ask(self, path=b"/", unix=False):
        """One good client: connects, asks, reads everything."""
        with self.connect(unix) as peer:
            peer.sendall(get(path, b"Connection: close\r\n"))
            reader = Reader(peer)
            answer = reader.response()
            assert answer and answer[0] == 200, "a good client got %s" % (answer,)
            assert reader.response() is None
            return answer[1]

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def memory(self):
        with open("/proc/%d/statm" % self.process.pid, encoding="ascii") as file:
            return int(file.read().split()[1]) * PAGE

    def settle(self):
        """Waits until the descriptors are those of the beginning; returns the memory."""
        until(lambda: self.descriptors() <= self.rest, SECONDS,
              lambda: "%d descriptors, %d at first" % (self.descriptors(), self.rest))
        return self.memory()

    def check_memory(self, before, bound):
        bound += MEMORY_ASAN if SANITIZERS else 0
        grown = self.memory() - before
        assert grown <= bound or "thread" in SANITIZERS, "memory grew by %d KiB, bound %d KiB" % (
            grown >> 10, bound >> 10)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        # ThreadSanitizer keeps a signal for the running task, and loses it if that ends.
        for _ in range(5 if "thread" in SANITIZERS else 0):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.01)
            self.process.send_signal(signal.SIGTERM)

    def end(self, seconds=DRAIN_S + SLACK_S):
        code = self.process.wait(seconds)
        assert code == 0 and not self.stderr(), "exit status %d: %s" % (code, self.stderr())

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self.process.wait(0.5 if kind else 0)
                assert code in (0, -signal.SIGKILL), "ended by itself, exit status %d: %s" % (
                    code, self.stderr())
            if kind is None and self.process.returncode is None:
                self.settle()
                self.terminate()
                self.end()
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.log.close()


class Reader:
    """Responses from a socket, one after the other."""

    def __init__(self, peer):
        self.peer, self.data = peer, bytearray()

    def more(self):
        try:
            data = self.peer.recv(1 << 16)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        self.data += data
        return data != b""

    def response(self):
        """Status and body; None if the connection has ended before one began."""
        while b"\r\n\r\n" not in self.data:
            if not self.more():
                assert not self.data, "cut in a head: %r" % self.data
                return None
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        length = int(re.search(rb"\r\nContent-Length: (\d+)", head).group(1))
        while len(self.data) < length:
            assert self.more(), "cut after %d of %d bytes" % (len(self.data), length)
        body, self.data = self.data[:length], self.data[length:]
        return int(head.split(b" ")[1]), body

    def statuses(self):
        """Of all responses until the end."""
        found = []
        while True:
            answer = self.response()
            if answer is None:
                return found
            found.append(answer[0])


def run_threads(count, work):
    """Runs work(index) in threads; raises what one of them has raised."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        for future in [pool.submit(work, index) for index in range(count)]:
            future.result()


@contextlib.contextmanager
def all_closed(peers):
    try:
        yield peers
    finally:
        for peer in peers:
            peer.close()


def check_time(began, limit_s, what, slack_s=SLACK_S):
    passed = time.monotonic() - began
    assert 0.9 * limit_s <= passed <= limit_s + slack_s, "%s after %.2f s, limit %s s" % (
        what, passed, limit_s)


def ask_all(peers):
    for peer in peers:
        peer.sendall(get(b"/"))


def check_answered(peers):
    for peer in peers:
        answer = Reader(peer).response()
        assert answer and answer[0] == 200, "not served but %s" % (answer,)


# --- clients that are slow -----------------------------------------------------------------------

HALVES = (b"G", b"GET / HT", b"GET / HTTP/1.1\r", b"GET / HTTP/1.1\r\n", HEAD % b"/",
          HEAD % b"/" + b"X: y", HEAD % b"/" + b"\r", b"\r\n")


def expect_408(server, beginnings, before=()):
    """All at once: each gets the statuses in `before`, then 408 when the header limit has passed.
    """
    began = time.monotonic()
    with all_closed([server.connect(unix) for unix in (False, True) for _ in beginnings]) as peers:
        for peer, beginning in zip(peers, beginnings * 2):
            peer.sendall(beginning)
        server.ask()
        for peer, beginning in zip(peers, beginnings * 2):
            statuses = Reader(peer).statuses()
            assert statuses == [*before, 408], "%s for %r" % (statuses, beginning)
            check_time(began, HEADER_S, "408 for %r" % beginning)


def half_a_request_ends_with_408(run):
    with run("--header-timeout", "%ds" % HEADER_S) as server:
        expect_408(server, HALVES)


def half_a_request_behind_a_whole_one_ends_with_408(run):
    with run("--header-timeout", "%ds" % HEADER_S) as server:
        expect_408(server, [get(b"/") + half for half in HALVES if half.strip()], [200])


def body_that_never_comes_ends_with_408(run):
    length, chunked = b"Content-Length: 10\r\n", b"Transfer-Encoding: chunked\r\n"
    beginnings = [get(b"/", length), get(b"/", length) + b"abc", get(b"/", chunked),
                  get(b"/", chunked) + b"5\r\nab"]
    beginnings += [text.replace(b"GET", b"POST") for text in beginnings]
    with run("--header-timeout", "%ds" % HEADER_S) as server:
        expect_408(server, beginnings)


def one_byte_at_a_time_does_not_prolong(run):
    """The limit is for the whole head, and for the whole body."""
    with run("--header-timeout", "%ds" % HEADER_S, "--idle-timeout", "%ds" % IDLE_S) as server, \
            all_closed([server.connect() for _ in range(2)]) as (by_head, by_body):
        began = time.monotonic()
        by_body.sendall(get(b"/", b"Content-Length: 10000\r\n"))
        left = {by_head: iter(HEAD % b"/" + b"X: " + b"y" * 10000), by_body: iter(b"x" * 10000)}
        while left:
            for peer, text in left.items():
                peer.send(bytes([next(text)]))
            for peer in select.select(list(left), [], [], 0.05)[0]:
                statuses = Reader(peer).statuses()
                assert statuses == [408], "not 408 but %s" % statuses
                check_time(began, HEADER_S, "408")
                del left[peer]
            assert time.monotonic() < began + HEADER_S + SLACK_S, "kept alive by each byte"


# --- clients that send without end ---------------------------------------------------------------

def send_headers_until_answered(server):
    line = b"X-%04d: " + b"y" * 500 + b"\r\n"
    with server.connect() as peer:
        peer.sendall(HEAD % b"/")
        for number in range(4000):
            if select.select([peer], [], [], 0)[0]:
                break
            with contextlib.suppress(ConnectionError):
                peer.sendall(line % number)
        statuses = Reader(peer).statuses()
        assert statuses == [431], "not 431 but %s" % statuses


def send_headers_until_cut_off(server):
    """Never looks at the answer. The server lingers for 256 KiB; the rest are socket buffers."""
    block, sent = b"X: yyyyyyyyyyyy\r\n" * 4000, 0
    with server.connect() as peer:
        peer.sendall(HEAD % b"/")
        with contextlib.suppress(ConnectionError):
            while sent < LARGE:
                sent += peer.send(block)
        assert sent < LARGE, "%d MiB of headers were taken" % (sent >> 20)


def endless_headers_get_431_and_a_close(run):
    with run() as server:
        send_headers_until_cut_off(server)
        memory = server.settle()
        run_threads(8, lambda _: [send_headers_until_answered(server) for _ in range(4)])
        run_threads(8, lambda _: [send_headers_until_cut_off(server) for _ in range(4)])
        server.ask()
        server.check_memory(memory, MEMORY_BUSY)


def send_some(peer, block):
    """Sends what is taken at once: whether that was anything. A server that has ended the
    connection, with bytes unread, has reset it: ConnectionError."""
    sent = 0
    with contextlib.suppress(BlockingIOError):
        for _ in range(64):
            sent += peer.send(block)
    return sent > 0


def requests_whose_answers_nobody_reads_stop_the_reading(run):
    """Pipelined requests without end: their sender is blocked, and ended by the idle limit."""
    block = get(b"/") * 1000
    with run("--idle-timeout", "%ds" % DEAF_S) as server, all_closed([]) as peers:
        memory = server.settle()
        peers.extend(server.connect() for _ in range(8))
        for peer in peers:
            peer.setblocking(False)
        began = time.monotonic()
        moved = dict.fromkeys(peers, began)  # when each could last send
        while moved:
            for peer in select.select([], list(moved), [], 0.05)[1]:
                try:
                    if send_some(peer, block):
                        moved[peer] = time.monotonic()
                except ConnectionError:
                    check_time(began, DEAF_S, "ended", moved.pop(peer) - began + SLACK_S)
            server.check_memory(memory, MEMORY_BUSY)
            server.ask()
            assert time.monotonic() < max(moved.values(), default=began) + DEAF_S + SLACK_S, \
                "never ended"


# --- clients that go away ------------------------------------------------------------------------

def reset_in_mid_response(server, count, choice):
    """A close with bytes unread is a reset, too."""
    for number in range(count):
        with server.connect(receive_buffer=choice.choice((0, 0, 4096))) as peer:
            if number % 2:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            peer.sendall(get(b"/large.bin") * choice.choice((1, 1, 3)))
            for _ in range(choice.randrange(4)):
                peer.recv(choice.choice((1, 1000, 100000)))


def reset_in_mid_response_leaves_nothing(run):
    choice = random.Random(SEED)
    with run() as server:
        reset_in_mid_response(server, 50, choice)
        memory = server.settle()
        for _ in range(4):
            reset_in_mid_response(server, 100, choice)
            server.ask()
        server.settle()
        server.check_memory(memory, MEMORY_BUSY)


def drop(server, count, choice):
    """Opens `count` connections; they go in one of five ways, in another order than they came."""
    peers = []
    try:
        for _ in range(count):
            peer = socket.socket()
            peers.append(peer)
            peer.settimeout(SECONDS)
            peer.connect(server.address)
            way = choice.randrange(5)
            if way in (0, 1):
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            if way in (1, 2):
                peer.send(b"G")
            if way == 3:
                peer.send(get(b"/"))
        choice.shuffle(peers)
    finally:
        for peer in peers:
            peer.close()


def dropped_connections_leave_nothing(run):
    choice = random.Random(SEED)
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100
    batch = min(BATCH, room)
    with run() as server:
        with all_closed([server.connect() for _ in range(batch)]) as peers:
            ask_all(peers)
            check_answered(peers)
            for peer in peers:
                peer.send(b"G")
            for _ in range(8):
                server.ask()
        memory = server.settle()
        for _ in range(0, DROPS, batch):
            drop(server, batch, choice)
            server.ask()
            server.settle()  # else two batches might be there at once
        server.check_memory(memory, MEMORY_STEADY)


# --- clients that are too many -------------------------------------------------------------------

WITHIN, BEYOND = 40, 300


def end_all(peers):
    """Each is served, and goes then, or is refused; how many were served."""
    waiting, served = set(peers), 0
    end = time.monotonic() + SECONDS
    while waiting:
        readable = select.select(list(waiting), [], [], max(0, end - time.monotonic()))[0]
        assert readable, "%d of %d left hanging" % (len(waiting), len(peers))
        for peer in readable:
            answer = Reader(peer).response()
            assert answer is None or answer[0] == 200, "status %d" % answer[0]
            served += answer is not None
            waiting.remove(peer)
            peer.close()
    return served


def too_many(server, unix, leave):
    with all_closed([]) as within, all_closed([]) as beyond:
        within.extend(server.connect(unix) for _ in range(WITHIN))
        ask_all(within)
        check_answered(within)
        beyond.extend(server.connect(unix) for _ in range(BEYOND))
        for peer in beyond:
            with contextlib.suppress(ConnectionError):  # it was refused, and reads the end below
                peer.sendall(get(b"/"))
        ask_all(within)
        check_answered(within)
        for peer in select.select(beyond, [], [], 0)[0]:
            assert Reader(peer).response() is None, "served beyond the limit"
            beyond.remove(peer)
            peer.close()
        leave(within)
        served = end_all(beyond)
        assert served >= WITHIN, "only %d were served when there was room" % served


def connections_beyond_the_limit_wait_for_a_close(run):
    def leave(peers):
        for peer in peers:
            peer.close()

    for unix in (False, True):
        with run("--connections-max", str(WITHIN)) as server:
            too_many(server, unix, leave)
            server.ask(unix=unix)


def connections_beyond_the_limit_wait_for_the_idle_limit(run):
    with run("--connections-max", str(WITHIN), "--idle-timeout", "%ds" % IDLE_S) as server:
        too_many(server, False, lambda peers: None)


# --- clients that stop reading -------------------------------------------------------------------

def stop_reading(server, count):
    peers = [server.connect(receive_buffer=4096) for _ in range(count)]
    for peer in peers:
        peer.sendall(get(b"/large.bin"))
        assert peer.recv(1000, socket.MSG_PEEK).startswith(b"HTTP/1.1 200 ")
    return peers


def stopped_reader_is_ended_by_the_idle_limit(run):
    with run("--idle-timeout", "%ds" % IDLE_S) as server:
        for peer in stop_reading(server, 1):
            peer.close()
        memory = server.settle()
        began = time.monotonic()
        with all_closed(stop_reading(server, 16)) as peers:
            while server.descriptors() > server.rest:
                server.ask()
                server.check_memory(memory, MEMORY_BUSY)
                assert time.monotonic() < began + IDLE_S + SLACK_S, "never ended"
            check_time(began, IDLE_S, "ended")
            for peer in peers:  # what was under way is still there, and then comes the end
                reader, taken = Reader(peer), 0
                while reader.more():
                    taken, reader.data = taken + len(reader.data), bytearray()
                assert taken < LARGE, "a stopped reader got everything"


# --- clients that cut their requests anywhere ----------------------------------------------------

def pipelined_in_pieces(server, unix, choice):
    blob = get(b"/") + get(b"/x") + get(b"/style.css", b"Range: bytes=0-1\r\n") \
        + get(b"/", b"Connection: close\r\n")
    cuts = sorted(choice.sample(range(1, len(blob)), choice.choice((1, 2, 5, 20, len(blob) - 1))))
    with server.connect(unix) as peer:
        for first, last in zip([0] + cuts, cuts + [len(blob)]):
            peer.sendall(blob[first:last])
        statuses = Reader(peer).statuses()
    assert statuses == [200, 404, 206, 200], "%s, cut at %s" % (statuses, cuts)


def pipelined_requests_may_be_cut_anywhere(run):
    def work(index):
        choice = random.Random(SEED + index)
        for _ in range(25):
            pipelined_in_pieces(server, False, choice)
        for _ in range(10):
            pipelined_in_pieces(server, True, choice)

    with run() as server:
        run_threads(16, work)


# --- a good client among bad ones ----------------------------------------------------------------

def median_latency(server, count=200):
    def once():
        began = time.monotonic()
        server.ask()
        return time.monotonic() - began

    return statistics.median(once() for _ in range(count))


@contextlib.contextmanager
def crowd(server):
    """Bad clients of all kinds. Their limits are so long that they stay in place."""
    over = threading.Event()
    choice = random.Random(SEED)

    def pester(drippers):
        while not over.wait(0.01):
            for peer in drippers:
                peer.send(b"y")
            reset_in_mid_response(server, 1, choice)
            send_headers_until_answered(server)

    with all_closed([server.connect() for _ in range(400)]) as peers, \
            all_closed(stop_reading(server, 32)), \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        for number, peer in enumerate(peers):
            peer.sendall((HEAD % b"/", get(b"/", b"Content-Length: 10000\r\n"))[number % 2])
        pestering = pool.submit(pester, peers[:50])
        try:
            yield peers
        finally:
            over.set()
        pestering.result()


def good_client_keeps_its_time(run):
    with run("--header-timeout", "60s") as server:
        before = median_latency(server)
        with crowd(server) as peers:
            during = median_latency(server)
            assert server.descriptors() >= server.rest + len(peers), "the bad ones had gone"
        bound = max(0.1, 20 * before)
        assert during <= bound, "median %.1f ms, %.1f ms among bad clients" % (
            1000 * before, 1000 * during)


# --- the end under load --------------------------------------------------------------------------

def keep_asking(server, files, unix, ready):
    """Until the server ends the connection; an answer that has begun must come whole. Then once
    more, which may not be answered."""
    with server.connect(unix) as peer:
        reader = Reader(peer)
        for number in range(10 ** 9):
            path = (b"/", b"/style.css", b"/medium.bin")[number % 3]
            try:
                peer.sendall(get(path))
            except ConnectionError:
                return
            answer = reader.response()
            if answer is None:
                assert number > 10, "ended before it began"
                return
            assert answer == (200, files[path]), "another answer for %s" % path
            if number == 10:
                ready.release()


def end_under_load(run, during_drain):
    """SIGTERM among clients that ask and ask. One that reads slowly keeps the drain going while
    during_drain(server) runs."""
    clients = 16
    ready = threading.Semaphore(0)
    with run() as server:
        files = {path: server.ask(path) for path in (b"/", b"/style.css", b"/medium.bin")}
        with all_closed([server.connect() for _ in range(32)]) as idle, \
                all_closed(stop_reading(server, 1)) as (slow,):
            ask_all(idle)
            check_answered(idle)

            def terminate():
                for _ in range(clients):
                    assert ready.acquire(timeout=SECONDS)
                server.terminate()
                for peer in idle:
                    assert peer.recv(1) == b"", "an idle connection outlived the drain"
                during_drain(server)
                assert len(Reader(slow).response()[1]) == LARGE
                server.end(DRAIN_S)

            def work(index):
                if index < clients:
                    keep_asking(server, files, index % 4 == 3, ready)
                    return
                try:
                    terminate()
                except BaseException:
                    server.process.kill()  # nobody else ends the others
                    raise

            run_threads(clients + 1, work)


def term_under_load_cuts_no_answer(run):
    end_under_load(run, lambda server: None)


def fate_of_one(server, unix):
    """Of a client that comes during the drain: refused, closed or served."""
    answer = None
    try:
        with server.connect(unix) as peer:
            peer.settimeout(SLACK_S)
            peer.sendall(get(b"/"))
            answer = Reader(peer).response()
    except (ConnectionRefusedError, FileNotFoundError):
        return "refused"
    except ConnectionError:
        pass
    except socket.timeout:
        raise AssertionError("a connection during the drain was left hanging") from None
    return "closed" if answer is None else "served"


def connections_during_the_drain_are_turned_away(run):
    """What comes before the sockets have stopped may be served."""
    def come(server):
        for unix in (False, True):
            until(lambda: fate_of_one(server, unix) == "refused", SLACK_S,
                  lambda: "no connection was refused during the drain")
        for index in range(16):
            fate = fate_of_one(server, index % 4 == 3)
            assert fate != "served", "a connection during the drain was served"

    end_under_load(run, come)


# --- running -------------------------------------------------------------------------------------

WAITING = (  # mostly for a limit: some of them run at once
    half_a_request_ends_with_408,
    half_a_request_behind_a_whole_one_ends_with_408,
    body_that_never_comes_ends_with_408,
    one_byte_at_a_time_does_not_prolong,
    requests_whose_answers_nobody_reads_stop_the_reading,
    connections_beyond_the_limit_wait_for_the_idle_limit,
    stopped_reader_is_ended_by_the_idle_limit,
)
WAITING_AT_ONCE = 4

CASES = (
    endless_headers_get_431_and_a_close,
    reset_in_mid_response_leaves_nothing,
    dropped_connections_leave_nothing,
    connections_beyond_the_limit_wait_for_a_close,
    pipelined_requests_may_be_cut_anywhere,
    good_client_keeps_its_time,
    term_under_load_cuts_no_answer,
    connections_during_the_drain_are_turned_away,
)


def make_site(place):
    site = os.path.join(place, "site")
    os.mkdir(site)
    for name, data in (("index.html", b"<h1>home</h1>\n"), ("style.css", b"body { color: teal }\n"),
                       ("medium.bin", random.Random(SEED).randbytes(300000))):
        with open(os.path.join(site, name), "wb") as file:
            file.write(data)
    with open(os.path.join(site, "large.bin"), "wb") as file:
        file.truncate(LARGE)


def say(lines):
    """In one write, since several threads do."""
    sys.stdout.write(lines)
    sys.stdout.flush()


def run_case(case, place, backend):
    row = "%s_%s" % (case.__name__, backend)
    began = time.monotonic()
    try:
        case(lambda *options: Server(place, backend, *options))
    except Unavailable as reason:
        say("skip %s %s\n" % (row, reason))
    except Exception as error:
        say("%s: %s: %s\nnot ok %s\n" % (row, type(error).__name__, error, row))
        return False
    else:
        say("ok %s %.1f s\n" % (row, time.monotonic() - began))
    return True


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    place = tempfile.mkdtemp(prefix="weir-clients-")
    try:
        make_site(place)
        rows = [(case, place, backend) for case in WAITING + CASES
                for backend in ("uring", "epoll")
                if wanted in "%s_%s" % (case.__name__, backend)]
        waiting = [row for row in rows if row[0] in WAITING]
        with concurrent.futures.ThreadPoolExecutor(WAITING_AT_ONCE) as pool:
            results = [future.result() for future in
                       [pool.submit(run_case, *row) for row in waiting]]
        results += [run_case(*row) for row in rows if row not in waiting]
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
