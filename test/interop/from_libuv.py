#!/usr/bin/env python3
"""The page for those who come from libuv names each of its functions, and only calls that exist."""
import os
import re
import sys

SOURCE = os.environ.get("WEIR_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
THEIRS = "/usr/include/uv.h"
BRACES = re.compile(r"\{([^{}]*)\}")


def spread(name):
    """a_{b,c}_d stands for a_b_d and a_c_d."""
    found = BRACES.search(name)
    if not found:
        return [name]
    return [whole for part in found.group(1).split(",")
            for whole in spread(name[:found.start()] + part + name[found.end():])]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def ours():
    folder = os.path.join(SOURCE, "include", "weir")
    text = "".join(read(os.path.join(folder, name)) for name in sorted(os.listdir(folder)))
    return set(re.findall(r"\b(weir_[a-z0-9_]+)\b", text))


def main():
    page = read(os.path.join(SOURCE, "docs", "from-libuv.md"))
    named = {name for text in re.findall(r"`(uv_[a-z0-9_{},]+)`", page) for name in spread(text)}
    missing = sorted(set(re.findall(r"`(weir_[a-z0-9_]+)`", page)) - ours())
    print("%s calls_exist" % ("not ok" if missing else "ok"))
    if missing:
        print("no such calls: " + ", ".join(missing))
    if not os.path.exists(THEIRS):
        print("skip each_function_is_named libuv1-dev is not installed")
        return bool(missing)
    header = read(THEIRS)
    theirs = set(re.findall(r"^UV_EXTERN[^;]*?\b(uv_[a-z0-9_]+)\(", header, re.M | re.S))
    left = sorted(theirs - named)
    print("%s each_function_is_named" % ("not ok" if left or len(theirs) < 200 else "ok"))
    if left:
        print("not named: " + ", ".join(left))
    return bool(missing or left or len(theirs) < 200)


if __name__ == "__main__":
    sys.exit(main())
