"""The cells: what is measured. README.md says what each means."""

from dataclasses import dataclass, field


@dataclass
class Cell:
    name: str
    about: str
    work: str = "echo"  # which servers take part
    load: list = field(default_factory=list)  # arguments of the load generator
    tool: str = "load"  # load, wrk, memory or micro
    cores: int = 1  # 2: the client has a core of its own
    server_cpus: tuple = (0,)
    connections: int = 1
    servers: tuple = ()  # names, where not every default server takes part
    also: tuple = ()  # names besides the default servers
    unit: str = "message"


def echo(connections, size, in_flight=1, cores=1, also=()):
    name = f"echo-{connections}-{'16k' if size == 16384 else size}"
    about = f"echo, {connections} conn, {'16 KiB' if size == 16384 else f'{size} B'}"
    if in_flight > 1:
        name, about = f"{name}-x{in_flight}", f"{about}, {in_flight} in flight"
    if cores == 2:
        name, about = f"{name}-2cores", f"{about}, two cores"
    load = ["closed", "--connections", connections, "--size", size, "--in-flight", in_flight]
    return Cell(name, about, load=load, cores=cores, connections=connections, also=also)


def udp(connections, in_flight=1, segments=False):
    name = f"udp-{connections}-64" + (f"-x{in_flight}" if in_flight > 1 else "")
    about = f"datagrams, {connections} sockets, 64 B, {in_flight} in flight each"
    load = ["udp", "--connections", connections, "--size", 64, "--in-flight", in_flight]
    if segments:
        return Cell(name + "-gso", about + ", GSO and GRO", work="udp",
                    load=load + ["--segments"], connections=connections,
                    servers=("weir-gso", "weir", "raw-gso", "libuv", "tokio"), unit="datagram")
    return Cell(name, about, work="udp", load=load, connections=connections, unit="datagram")


def rate(per_second):
    return Cell(f"rate-{per_second // 1000}k",
                f"fixed rate, {per_second:,} msg/s, 500 conn, two cores",
                load=["rate", "--connections", 500, "--rate", per_second, "--size", 64], cores=2,
                connections=500)


def technique(of):
    """The ring reference beside itself with another way of receiving and of running task work."""
    return Cell("technique-" + of.name, of.about, load=of.load, cores=of.cores,
                connections=of.connections, servers=("raw-uring", "raw-single", "raw-coop"))


def wrk(connections):
    return Cell(f"http-{connections}", f"HTTP keep-alive, {connections} conn (wrk)", work="http",
                tool="wrk", connections=connections, unit="request")


def micro(program, about, workers=None, *more):
    """Figures of one program of weir's beside those of its peers, with so many workers."""
    name = program.replace("_", "-") + (f"-{workers}" if workers else "")
    return Cell(name, about, work=program, tool="micro", load=[workers, *more] if workers else [],
                cores=workers or 2)


def sleepers(workers):
    cell = micro("time_micro", "a million tasks that sleep", workers, 1000000)
    cell.name = f"sleepers-{workers}"
    return cell


def on_one_and_two(make, *arguments):
    return [make(*arguments, workers) for workers in (1, 2)]


CELLS = [
    echo(1, 64), echo(50, 64, also=("weir-task", "weir-loop")), echo(1000, 64),
    echo(1, 16384), echo(50, 16384, also=("weir-task", "weir-loop")), echo(1000, 16384),
    echo(50, 64, in_flight=16),
    echo(1, 64, cores=2, also=("weir-nospin", "raw-spin")),
    echo(50, 64, cores=2), echo(1000, 16384, cores=2),
    rate(10000), rate(50000),
    Cell("storm", "connect, one byte, reset; 32 at once",
         load=["storm", "--connections", 32], connections=32, unit="connection"),
    Cell("echo-50-64-limit", "echo, 50 conn, 64 B, with and without an idle limit",
         load=["closed", "--connections", 50, "--size", 64], connections=50,
         servers=("weir", "weir-limit", "raw-uring")),
    Cell("memory-echo", "user memory of 15,000 idle connections", tool="memory",
         load=["idle", "--connections", 15000, "--size", 64], connections=15000,
         also=("weir-task", "weir-packed", "weir-loop"), unit="connection"),
    Cell("memory-http", "user memory of 15,000 idle HTTP connections", work="http", tool="memory",
         load=["idle", "--connections", 15000, "--http", "/hello.txt"], connections=15000,
         unit="connection"),
    wrk(64), wrk(512),
    Cell("http-64-x16", "HTTP, 64 conn, 16 pipelined", work="http",
         load=["closed", "--connections", 64, "--in-flight", 16, "--http", "/hello.txt"],
         connections=64, unit="request"),
    udp(1), udp(50), udp(4, in_flight=32), udp(4, in_flight=32, segments=True),
    *map(technique, [echo(50, 64), echo(1000, 64), echo(50, 16384), echo(1000, 16384),
                     rate(10000), rate(50000)]),
    Cell("compute-10k", "10,000 msg/s, 500 conn, while a task computes 50 ms at a time",
         load=["rate", "--connections", 500, "--rate", 10000, "--size", 64], cores=2,
         connections=500, server_cpus=(0, 1), servers=("weir-compute", "tokio-compute")),
    *on_one_and_two(micro, "micro", "task switch, spawn + join, timer, blocking jobs"),
    *on_one_and_two(micro, "sched_micro", "spawns, remote spawns and yields; posts of Asio"),
    micro("sync_micro", "locks and signals, free and contended"),
    *on_one_and_two(micro, "chan_micro", "messages of channels, oneshots, watches and broadcasts"),
    *on_one_and_two(micro, "time_micro", "sleeps, timers and limits"),
    *on_one_and_two(sleepers),
    *on_one_and_two(micro, "cold_micro", "memory and wakes of tasks that wait for long"),
    micro("balance", "two workers against one: unbalanced work, tiny messages, empty wakes"),
    micro("file_micro", "processor time of reads, stats and small files"),
]
