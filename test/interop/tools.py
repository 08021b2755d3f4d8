#!/usr/bin/env python3
"""The project's own tools: tidy finds what is planted, deps names what is missing, the runner
counts.

Each case works in a small tree of its own.
"""
import os
import shutil
import stat
import subprocess
import sys
import tempfile

ROOT = os.environ["WEIR_SOURCE_DIR"]
failed = 0


def case(name, holds, output):
    global failed
    if holds:
        print("ok " + name)
    else:
        failed += 1
        print("".join("# %s\n" % line for line in output.splitlines()) + "not ok " + name)


def write(root, path, text, executable=False):
    path = os.path.join(root, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    if executable:
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)


def tree(work, name):
    root = os.path.join(work, name)
    for path in ("tools/tidy", "tools/layers.txt", "tools/run-tests", "tools/deps",
                 "CMakeLists.txt"):
        os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
        shutil.copy(os.path.join(ROOT, path), os.path.join(root, path))
    return root


def run(root, *argv, **env):
    answer = subprocess.run(argv, cwd=root, env=dict(os.environ, **env), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, check=False)
    return answer.returncode, answer.stdout.decode()


HEAD = "/* %s - a file. */\n"
CLEAN = {
    "include/weir.h": "#include <weir/one.h>\n",
    "include/weir/one.h": "#ifndef ONE\n#define ONE\n#include <stdint.h>\n#endif\n",
    "man/weir-one.3": ".TH WEIR-ONE 3\n.SH NAME\nweir-one - one\n",
    "src/base/a.h": "int weir__a(void);\n",
    "src/base/a.c": '#include "base/a.h"\n\nint weir__a(void)\n{\n    return 1;\n}\n',
}
OVER = "left-over TO" + "DO"
# Each planted fault: path, text, words that the finding must have.
PLANTED = {
    "base_includes_core": ("src/base/b.c", '#include "core/c.h"\n', "may not include core/c.h"),
    "engine_needs_a_system_header": ("src/proto/http1/e.c", "#include <unistd.h>\n",
                                     "needs no <unistd.h>"),
    "operation_includes_task": ("src/net/tcp_op.c", '#include "task/t.h"\n',
                                "may not include task/t.h"),
    "library_prints": ("src/core/p.c", 'int f(void) { return printf("x"); }\n', "prints nothing"),
    "library_ends_the_process": ("src/core/x.c", "void f(void) { abort(); }\n", "ends no process"),
    "thread_above_sys": ("src/core/t.c", "void f(void) { pthread_self(); }\n", "threads belong"),
    "clock_above_sys": ("src/task/k.c", "void f(void) { clock_gettime(0, 0); }\n",
                        "the clock belongs"),
    "errno_above_sys": ("src/net/n.c", "int f(void) { return errno; }\n", "errno stays"),
    "system_conditional_above_sys": ("src/core/o.c", "#ifdef __linux__\n#endif\n",
                                     "conditionals on the system"),
    "header_is_not_c": ("include/weir/two.h", "int weir_x(weir_unknown y);\n",
                        "does not compile alone as c11"),
    "header_is_not_cxx": ("include/weir/two.h", "int weir_x(int class);\n",
                          "does not compile alone as c++17"),
    "header_needs_the_system": ("include/weir/two.h", "#include <stdio.h>\n",
                                "may not need <stdio.h>"),
    "header_without_a_manual": ("include/weir/two.h", "int weir_x(void);\n",
                                "there is no man/weir-two.3"),
    "umbrella_forgets_a_header": ("include/weir/two.h", "int weir_x(void);\n",
                                  "weir.h does not include <weir/two.h>"),
    "header_that_nobody_includes": ("src/base/dead.h", "int weir__d(void);\n", "dead file"),
    "source_that_nobody_builds": ("src/elsewhere/d.c", "int weir__d;\n", "no line for this folder"),
    "command_sees_internals": ("cli/main.c", '#include "core/loop.h"\n', "only public headers"),
    "long_line": ("src/base/l.c", "/* " + "x" * 100 + " */\n", "columns"),
    "trailing_space": ("src/base/l.c", "int weir__l; \n", "trailing space"),
    "left_over_mark": ("src/base/l.c", "/* TO" + "DO */\n", OVER),
    "no_contract": ("src/base/l.c", None, "begins with its contract"),
    "own_type_in_t": ("src/base/l.c", "typedef int mine_t;\n", "no types in _t"),
}


def plant(root, path, text):
    if path.startswith(("src/", "include/")) and text is not None:
        text = HEAD % path.split("/", 1)[1] + text
    write(root, path, text if text is not None else "int weir__l;\n")


def check_tidy(work):
    root = tree(work, "clean")
    for path, text in CLEAN.items():
        plant(root, path, text)
    code, output = run(root, "tools/tidy")
    case("tidy_likes_a_clean_tree", code == 0, output)
    for name, (path, text, words) in PLANTED.items():
        root = tree(work, name)
        for clean_path, clean_text in CLEAN.items():
            plant(root, clean_path, clean_text)
        plant(root, path, text)
        argv = ["tools/tidy"] + ([] if "compile" in words else ["--no-compile"])
        code, output = run(root, *argv)
        case("tidy_finds_" + name, code == 1 and words in output, output)


def check_deps(work):
    root = tree(work, "deps")
    write(root, "bin/dpkg-query", '#!/bin/sh\nfor last; do :; done\n'
          '[ "$last" = cmake ] || echo installed\n', True)
    path = os.path.join(root, "bin") + ":" + os.environ["PATH"]
    code, output = run(root, "tools/deps", "--check", "build", PATH=path)
    line = "apt-get install -y --no-install-recommends cmake\n"
    case("deps_names_what_is_missing", code == 1 and output.endswith(line), output)
    code, output = run(root, "tools/deps", "nonsense")
    case("deps_refuses_an_unknown_group", code == 2, output)


def check_runner(work):
    root = tree(work, "runner")
    code, output = run(root, "tools/run-tests", "build")
    case("runner_fails_when_nothing_ran", code == 1 and output.endswith(
        "0 passed, 0 failed, 0 skipped\n"), output)
    write(root, "test/interop/a.sh", "#!/bin/sh\necho ok one\necho skip two why\n", True)
    code, output = run(root, "tools/run-tests", "build")
    case("runner_counts_lines_of_a_script", code == 0 and output.endswith(
        "1 passed, 0 failed, 1 skipped\n"), output)
    write(root, "test/interop/b.sh", "#!/bin/sh\necho ok three\nexit 1\n", True)
    write(root, "test/interop/c.sh", "#!/bin/sh\nexit 77\n", True)
    write(root, "test/unit/d.c", "\n")
    code, output = run(root, "tools/run-tests", "build")
    case("runner_counts_status_and_what_is_not_built", code == 1 and output.endswith(
        "2 passed, 2 failed, 2 skipped\n"), output)
    write(root, "test/interop/e.sh", "#!/bin/sh\nsleep 60\n", True)
    code, output = run(root, "tools/run-tests", "build", "--only", "interop/e", "--timeout", "1")
    case("runner_stops_what_hangs", code == 1 and "time limit reached" in output, output)


def main():
    with tempfile.TemporaryDirectory() as work:
        check_tidy(work)
        check_deps(work)
        check_runner(work)
    sys.exit(1 if failed else 0)


main()
