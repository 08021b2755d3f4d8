"""Builds the load generator, the references and the peers into build/bench, where out of date.

What cannot be built (a package is missing, weir is not built yet) is reported once and left out.
"""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"
OUT = ROOT / "build" / "bench"
RELEASE = ROOT / "build" / "release"

CC = os.environ.get("CC", "gcc")
CXX = os.environ.get("CXX", "g++")
C_FLAGS = ["-std=gnu17", "-O2", "-g", "-Wall", "-Wextra", "-Wshadow"]
CXX_FLAGS = ["-O2", "-g", "-DNDEBUG", "-pthread"]
WEIR_FLAGS = [f"-I{ROOT}/include"]
WEIR_LIBS = [str(RELEASE / "libweir.a"), "-pthread"]


def c(name, sources, flags=(), libs=(), needs=()):
    return dict(name=name, sources=sources, needs=list(needs),
                command=[CC, *C_FLAGS, *flags, *sources, "-o", str(OUT / name), *libs])


def cxx(name, source, standard, *flags):
    return dict(name=name, sources=[source], needs=[],
                command=[CXX, f"-std={standard}", *CXX_FLAGS, *flags, source,
                         "-o", str(OUT / name)])


def asio(name):
    name = "asio_" + name
    return cxx(name, BENCH / "peers" / f"{name}.cpp", "c++20", "-DASIO_STANDALONE")


def weir(name, source):
    return c(name, [source], WEIR_FLAGS, WEIR_LIBS, needs=[RELEASE / "libweir.a"])


def programs():
    """Everything that is compiled by one command."""
    raw, peers, own = BENCH / "raw", BENCH / "peers", BENCH / "weir"
    return [
        c("load", sorted((BENCH / "load").glob("*.c"))),
        c("raw_uring", [raw / "raw_uring.c"]),
        c("raw_epoll", [raw / "raw_epoll.c"]),
        c("raw_udp", [raw / "raw_udp.c"]),
        c("uv_udp", [peers / "uv_udp.c"], libs=["-luv"]),
        c("uv_dns", [BENCH / "dns/uv_dns.c", BENCH / "load/histogram.c"], libs=["-luv"]),
        c("weir_dns", [BENCH / "dns/weir_dns.c", BENCH / "load/histogram.c"], WEIR_FLAGS,
          [str(RELEASE / "libweir-dns.a"), *WEIR_LIBS, "-lcares"],
          needs=[RELEASE / "libweir.a", RELEASE / "libweir-dns.a"]),
        c("uv_echo", [peers / "uv_echo.c"], libs=["-luv"]),
        c("uv_micro", [peers / "uv_micro.c"], libs=["-luv"]),
        asio("callbacks"), asio("coroutines"), asio("sched_micro"), asio("time_micro"),
        c("raw_file_micro", [raw / "raw_file_micro.c"]),
        c("uv_file_micro", [peers / "uv_file_micro.c"], libs=["-luv"]),
        cxx("beast_hello", peers / "beast_hello.cpp", "c++17"),
    ] + [weir("weir_" + path.stem, path) for path in sorted(own.glob("*.c"))]


def newest(paths):
    return max(Path(p).stat().st_mtime for p in paths)


def up_to_date(program):
    out = OUT / program["name"]
    inputs = [*program["sources"], *program["needs"]]
    for source in program["sources"]:
        inputs += Path(source).parent.glob("*.h*")
    return out.exists() and out.stat().st_mtime >= newest(inputs)


def run(command, what, notes, **options):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if "error" in line]
        notes.append(f"{what} left out: {(errors or done.stdout.splitlines() or ['?'])[0].strip()}")
    return done.returncode == 0


def build_program(program, notes):
    missing = [str(path.relative_to(ROOT)) for path in program["needs"] if not path.exists()]
    if missing:
        notes.append(f"{program['name']} left out: needs {', '.join(missing)} (make)")
    elif not up_to_date(program):
        (OUT / program["name"]).unlink(missing_ok=True)
        run(program["command"], program["name"], notes)


def cargo():
    """Debian's cargo fits Debian's crates; another one will often do."""
    debian = Path("/usr/bin/cargo")
    return str(debian) if debian.exists() else shutil.which("cargo")


def build_rust(notes):
    if not cargo():
        notes.append("tokio and hyper left out: no cargo (apt install cargo)")
        return
    source = BENCH / "peers" / "rust"
    env = dict(os.environ, CARGO_TARGET_DIR=str(OUT / "rust"))
    env["PATH"] = f"{Path(cargo()).parent}:{env['PATH']}"
    binaries = sorted(path.stem for path in (source / "src" / "bin").glob("*.rs"))
    for name in binaries:  # one by one, so that a machine without hyper's crate has Tokio at least
        features = ["--features", "hyper"] if name == "hyper_hello" else []
        command = [cargo(), "build", "--release", "-j2", "--bin", name, *features]
        run(command, name, notes, cwd=source, env=env)


def build_site(body_len):
    """The folder with the one small file that the HTTP servers serve."""
    site = OUT / "site"
    site.mkdir(parents=True, exist_ok=True)
    (site / "hello.txt").write_text("x" * body_len)
    return site


def build_files():
    """The folder of the file cells: a big file, and many small ones."""
    files = OUT / "files"
    small = files / "small"
    if not (small / "9999").exists():
        small.mkdir(parents=True, exist_ok=True)
        (files / "big").write_bytes(os.urandom(64 << 20))
        for number in range(10000):
            (small / str(number)).write_text("x" * 100)
        os.sync()
    (files / "big").read_bytes()  # it is in memory
    return files


def build_all():
    """Builds what can be built; returns notes about what could not."""
    notes = []
    OUT.mkdir(parents=True, exist_ok=True)
    for program in programs():
        build_program(program, notes)
    build_rust(notes)
    return notes
