"""One measurement: a server, a cell, a result as a dictionary."""

import json
import os
import re
import resource
import shutil
import subprocess
import time
from pathlib import Path

from .build import BENCH, OUT, build_files
from .servers import Running

STOLEN_MAX = 6.0  # per cent of a used processor in a valid run
FOREIGN_MAX = 10.0  # per cent of the used processors spent by other programs
SERVER_CPU = 0
WARMUP_S = 0.3


class Failed(Exception):
    """The server or the load generator gave up; the text says which and why."""


def pinned(*cpus):
    return lambda: os.sched_setaffinity(0, set(cpus))


def client_cpu(cell):
    return SERVER_CPU if cell.cores == 1 else 1


def output_of(command, cpus, timeout):
    try:
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=timeout,
                              preexec_fn=pinned(*cpus))
    except subprocess.TimeoutExpired:
        raise Failed(f"{Path(command[0]).name} took too long") from None
    if done.returncode:
        raise Failed((done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1])
    return done.stdout


def load_command(cell, running, seconds, *more):
    pids = [word for pid in running.pids() for word in ("--pid", pid)]
    return [OUT / "load", *cell.load, "--port", running.port, "--warmup", WARMUP_S,
            "--seconds", seconds, *pids, *more]


def run_load(cell, running, seconds):
    text = output_of(load_command(cell, running, seconds), [client_cpu(cell)], seconds + 60)
    return json.loads(text.splitlines()[-1])


def cpu_ns(pids):
    """Processor time of the processes: Linux's clock of a process, every thread included."""
    return sum(time.clock_gettime_ns((~pid << 3) | 2) for pid in pids)


def children_ns():
    """Processor time of the programs that this one has run to their end (not of living servers)."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(1e9 * (used.ru_utime + used.ru_stime))


def processors():
    """(busy, stolen) ticks of each processor since boot."""
    ticks = []
    for line in Path("/proc/stat").read_text().splitlines():
        if re.match(r"cpu\d", line):
            t = [int(word) for word in line.split()[1:9]]
            ticks.append((t[0] + t[1] + t[2] + t[5] + t[6], t[7]))
    return ticks


def run_wrk(cell, running, seconds):
    """wrk does not read the server's clock, so this does, round the whole of its run."""
    pids, begun = running.pids(), time.monotonic_ns()
    before, client_before, cpu_before = cpu_ns(pids), children_ns(), processors()
    # wrk takes whole seconds only
    command = ["wrk", "-t1", f"-c{cell.connections}", f"-d{max(1, round(seconds))}s",
               "-s", BENCH / "load" / "wrk.lua", f"http://127.0.0.1:{running.port}/hello.txt"]
    result = json.loads(output_of(command, [client_cpu(cell)], seconds + 60).splitlines()[-1])
    elapsed = time.monotonic_ns() - begun
    deltas = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(cpu_before, processors())]
    result["server_cpu_ns"] = cpu_ns(pids) - before
    result["client_cpu_ns"] = children_ns() - client_before
    result["busy_percent"] = [1e9 * busy / elapsed for busy, _ in deltas]
    result["stolen_percent"] = [1e9 * stolen / elapsed for _, stolen in deltas]
    if result["lost"]:
        raise Failed(f"wrk saw {result['lost']} errors")
    return result


def disturbances(cell, result):
    """How much of the used processors was stolen, and how much went to other programs."""
    used = sorted({*cell.server_cpus, client_cpu(cell)})
    stolen = max((result["stolen_percent"][cpu] for cpu in used), default=0.0)
    ours = result["server_cpu_ns"] + result["client_cpu_ns"]
    busy = sum(result["busy_percent"][cpu] for cpu in used)
    return stolen, busy - 100.0 * ours / (result["seconds"] * 1e9)


def finish(cell, result):
    """Adds the derived figures."""
    if result["messages"] == 0:
        raise Failed("not one message was answered")
    result["cpu_us"] = result["server_cpu_ns"] / 1e3 / result["messages"]
    result["stolen"], result["foreign"] = disturbances(cell, result)
    result["valid"] = result["stolen"] <= STOLEN_MAX
    result["quiet"] = result["valid"] and result["foreign"] <= FOREIGN_MAX
    return result


def throughput(cell, server, seconds):
    with Running(server, cell.server_cpus) as running:
        run = run_wrk if cell.tool == "wrk" else run_load
        return finish(cell, run(cell, running, seconds))


def tracing():
    """Whether the kernel's tracepoints can be had; root mounts their file system where it lacks."""
    if os.geteuid() != 0:
        return False
    events = Path("/sys/kernel/tracing/events")
    if not events.exists() and events.parent.exists():
        subprocess.run(["mount", "-t", "tracefs", "tracefs", str(events.parent)], check=False,
                       stderr=subprocess.DEVNULL)
    return events.exists() or Path("/sys/kernel/debug/tracing/events").exists()


def syscalls_per_message(cell, server, seconds=0.5):
    """System calls of the server for each message, from a run of its own; None if not countable."""
    if not tracing():
        return None
    if cell.tool == "wrk":
        load = ["closed", "--connections", cell.connections, "--http", "/hello.txt"]
    else:
        load = cell.load
    with Running(server, cell.server_cpus) as running:
        command = load_command(cell, running, seconds, "--syscalls")
        command[1:1 + len(cell.load)] = load
        try:
            text = output_of(command, [client_cpu(cell)], seconds + 60)
        except Failed as e:
            if "cannot be counted" in str(e):
                return None
            raise
        result = json.loads(text.splitlines()[-1])
        return result["syscalls"] / result["messages"] if result["messages"] else None


def dirty_bytes(pids):
    """Private memory that the processes have written to."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Private_Dirty:"):
                total += 1024 * int(line.split()[1])
    return total


def warm(cell, running):
    """Traffic of 50 connections, so that pools and buffers that do not grow are there already."""
    http = ["--http", "/hello.txt"] if cell.work == "http" else []
    output_of([OUT / "load", "closed", "--connections", 50, "--port", running.port,
               "--warmup", 0, "--seconds", 0.5, *http], [client_cpu(cell)], 60)


def memory(cell, server):
    """Bytes of user memory that each idle connection adds."""
    with Running(server, cell.server_cpus, buffer=1024) as running:
        warm(cell, running)
        pids = running.pids()
        before = dirty_bytes(pids)
        command = [OUT / "load", *cell.load, "--port", running.port]
        with subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              preexec_fn=pinned(1 % os.cpu_count())) as holder:
            line = holder.stdout.readline()
            if not line:
                raise Failed(holder.stderr.read().strip() or "the load generator ended")
            time.sleep(server.settle_s)
            after = dirty_bytes(pids)
            holder.stdin.close()
            holder.wait(60)
        return dict(bytes=(after - before) / json.loads(line)["ready"], valid=True, quiet=True)


MICRO_PEERS = dict(weir="weir_{}", tokio="rust/release/tokio_{}", asio="asio_{}", libuv="uv_{}",
                   raw="raw_{}")


def micro_programs(cell):
    """name -> the program of weir's and those of its peers that there are for this work."""
    programs = {name: OUT / form.format(cell.work) for name, form in MICRO_PEERS.items()}
    if cell.work == "file_micro" and shutil.which("fio"):
        programs["fio"] = BENCH / "peers" / "fio_file_micro"
    return {name: program for name, program in programs.items() if program.exists()}


def micro(cell, program):
    """The figures of one run of one program: name -> value."""
    cpus = {SERVER_CPU, (cell.cores - 1) % os.cpu_count()}
    words = [build_files()] if cell.work == "file_micro" else cell.load
    return json.loads(output_of([program, *words], cpus, 120).splitlines()[-1])
