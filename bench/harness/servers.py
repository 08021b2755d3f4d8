"""The servers: a list. To add one, add an entry (and its build to build.py if it needs one).

A command is a list of words in which {port}, {site}, {body}, {buffer} and {conf} are filled in. A
server whose program is not there is skipped with a note. `group` says what it is compared as:
weir (ours), raw (a reference), peer, or technique (a reference made in another way).
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from .build import BENCH, OUT, RELEASE

BODY_LEN = 128
WEIR = str(RELEASE / "weir")
LISTEN = ["--listen", "tcp://127.0.0.1:{port}", "--workers", "1", "--quiet"]


@dataclass
class Server:
    name: str
    group: str
    work: str  # echo or http
    command: list
    conf: str = ""  # a template in peers/ that {conf} names once it is filled in
    default: bool = True  # takes part in cells that do not name it
    env: dict = field(default_factory=dict)
    settle_s: float = 0.2  # before the memory of idle connections is looked at

    def program(self):
        return shutil.which(self.command[0])


def own(name):
    return str(OUT / name)


def weir(name, work, *options, **more):
    command = [WEIR, "echo"] if work == "echo" else [WEIR, "serve", "{site}"]
    room = ["--connections-max", "20000"]
    return Server(name, "weir", work, command + LISTEN + room + list(options), **more)


SERVERS = [
    weir("weir", "echo", "--backend", "uring"),
    weir("weir-epoll", "echo", "--backend", "epoll"),
    weir("weir-limit", "echo", "--backend", "uring", "--idle-timeout", "60s", default=False),
    Server("weir-task", "weir", "echo", [own("weir_task_echo"), "--port", "{port}"], default=False),
    Server("weir-packed", "weir", "echo", [own("weir_task_echo"), "--packed", "--port", "{port}"],
           default=False, settle_s=2),
    Server("weir-loop", "weir", "echo", [own("weir_loop_echo"), "--port", "{port}"], default=False),
    Server("weir-nospin", "weir", "echo",
           [own("weir_task_echo"), "--port", "{port}", "--again", "--no-spin"], default=False),
    Server("weir-compute", "weir", "echo",
           [own("weir_task_echo"), "--port", "{port}", "--again", "--workers", "2", "--compute"],
           default=False),
    Server("raw-uring", "raw", "echo", [own("raw_uring"), "--port", "{port}"]),
    Server("raw-epoll", "raw", "echo", [own("raw_epoll"), "--port", "{port}"]),
    Server("raw-single", "technique", "echo",
           [own("raw_uring"), "--single-shot", "--port", "{port}"], default=False),
    Server("raw-coop", "technique", "echo", [own("raw_uring"), "--coop", "--port", "{port}"],
           default=False),
    Server("raw-spin", "technique", "echo", [own("raw_epoll"), "--spin", "--port", "{port}"],
           default=False),
    Server("libuv", "peer", "echo", [own("uv_echo"), "--port", "{port}"]),
    Server("libuv-try", "peer", "echo", [own("uv_echo"), "--try", "--port", "{port}"]),
    Server("asio", "peer", "echo",
           [own("asio_callbacks"), "--port", "{port}", "--buffer", "{buffer}"]),
    Server("asio-co", "peer", "echo",
           [own("asio_coroutines"), "--port", "{port}", "--buffer", "{buffer}"]),
    Server("tokio", "peer", "echo",
           [own("rust/release/tokio_echo"), "--port", "{port}", "--buffer", "{buffer}"]),
    Server("tokio-compute", "peer", "echo",
           [own("rust/release/tokio_echo"), "--port", "{port}", "--workers", "2"], default=False),
    weir("weir", "http", "--backend", "uring"),
    weir("weir-epoll", "http", "--backend", "epoll"),
    Server("raw-uring", "raw", "http",
           [own("raw_uring"), "--http", "--port", "{port}", "--body", "{body}"]),
    Server("raw-epoll", "raw", "http",
           [own("raw_epoll"), "--http", "--port", "{port}", "--body", "{body}"]),
    Server("nginx", "peer", "http", ["nginx", "-c", "{conf}"], conf="nginx.conf.in"),
    Server("h2o", "peer", "http", ["h2o", "-m", "worker", "-c", "{conf}"], conf="h2o.conf.in"),
    Server("beast", "peer", "http",
           [own("beast_hello"), "--port", "{port}", "--body", "{body}"]),
    Server("hyper", "peer", "http",
           [own("rust/release/hyper_hello"), "--port", "{port}", "--body", "{body}"]),
]


SERVERS += [
    Server("weir", "weir", "udp", [own("weir_udp_echo"), "--port", "{port}"]),
    Server("weir-epoll", "weir", "udp", [own("weir_udp_echo"), "--epoll", "--port", "{port}"]),
    Server("weir-single", "weir", "udp", [own("weir_udp_echo"), "--single", "--port", "{port}"]),
    Server("weir-gso", "weir", "udp", [own("weir_udp_echo"), "--segments", "--port", "{port}"],
           default=False),
    Server("raw", "raw", "udp", [own("raw_udp"), "--port", "{port}"]),
    Server("raw-single", "technique", "udp", [own("raw_udp"), "--single", "--port", "{port}"]),
    Server("raw-uring", "raw", "udp", [own("raw_udp"), "--ring", "--port", "{port}"]),
    Server("raw-gso", "raw", "udp", [own("raw_udp"), "--segments", "--port", "{port}"],
           default=False),
    Server("libuv", "peer", "udp", [own("uv_udp"), "--port", "{port}"]),
    Server("tokio", "peer", "udp", [own("rust/release/tokio_udp"), "--port", "{port}"]),
]


def answers_udp(port):
    """Whether a datagram comes back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.05)
        try:
            s.connect(("127.0.0.1", port))
            s.send(b"hello")
            return s.recv(16) == b"hello"
        except OSError:
            return False


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def process_tree(pid):
    """The process and its children (nginx and h2o work in a child)."""
    pids = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            pids += process_tree(int(child))
    return pids


class Running:
    """A server that runs on these processors; use it in a `with`."""

    def __init__(self, server, cpus, buffer=16384):
        self.server, self.cpus, self.buffer = server, cpus, buffer
        self.port = free_port()
        self.log = OUT / f"{server.work}-{server.name}.log"

    def words(self):
        values = dict(port=self.port, site=OUT / "site", body=BODY_LEN, buffer=self.buffer,
                      conf=OUT / f"{self.server.name}.conf")
        return [word.format(**values) for word in self.server.command]

    def write_conf(self):
        if not self.server.conf:
            return
        text = (BENCH / "peers" / self.server.conf).read_text()
        values = dict(PORT=self.port, ROOT=OUT / "site", STATE=OUT, USER=getpass.getuser())
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        (OUT / f"{self.server.name}.conf").write_text(text)

    def __enter__(self):
        self.write_conf()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.words(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ, **self.server.env), start_new_session=True,
                preexec_fn=lambda: os.sched_setaffinity(0, self.cpus))
        try:
            self.wait_until_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_until_up(self):
        for _ in range(500):
            if self.process.poll() is not None:
                break
            if self.server.work == "udp":
                if answers_udp(self.port):
                    return
                time.sleep(0.01)
                continue
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        last = (self.log.read_text(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"{self.server.name} does not listen: {last}")

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def pids(self):
        return process_tree(self.process.pid)
