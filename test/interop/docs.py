#!/usr/bin/env python3
"""The programs in the pages of docs do what the pages say.

A block of C with a main function is a program: it is built against the public headers and the
archive alone, run, and has to print what stands in the next block of the page, if that is marked
`text`. Rows: `PAGE_NUMBER`.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ.get("WEIR_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
BUILD = os.environ.get("WEIR_BUILD_DIR", os.path.join(SOURCE, "build", "release"))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def programs(page):
    """Each program of a page, with what it prints or None."""
    with open(page, encoding="utf-8") as file:
        blocks = BLOCK.findall(file.read())
    for (kind, text), (next_kind, next_text) in zip(blocks, blocks[1:] + [("", "")]):
        if kind == "c" and "int main(" in text:
            yield text, next_text if next_kind == "text" else None


def sanitizers():
    with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as cache:
        for line in cache:
            if line.startswith("WEIR_SANITIZE:") and line.strip().split("=", 1)[1]:
                yield "-fsanitize=" + line.strip().split("=", 1)[1]


def try_program(folder, text, expected):
    source, program = os.path.join(folder, "page.c"), os.path.join(folder, "page")
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-O1",
                    "-I" + os.path.join(SOURCE, "include"), "-o", program, source,
                    os.path.join(BUILD, "libweir.a"), "-lpthread", *sanitizers()],
                   check=True, timeout=120)
    printed = subprocess.run([program], stdout=subprocess.PIPE, text=True, timeout=60,
                             check=True).stdout
    assert expected is None or printed == expected, "prints %r" % printed


def main():
    failed = False
    folder = tempfile.mkdtemp(prefix="weir-docs-")
    try:
        docs = os.path.join(SOURCE, "docs")
        for name in sorted(os.listdir(docs)):
            if not name.endswith(".md"):
                continue
            for number, (text, expected) in enumerate(programs(os.path.join(docs, name)), 1):
                row = "%s_%d" % (name[:-3], number)
                try:
                    try_program(folder, text, expected)
                    print("ok " + row, flush=True)
                except (AssertionError, subprocess.SubprocessError) as error:
                    failed = True
                    print("%s: %r" % (row, error))
                    print("not ok " + row, flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
