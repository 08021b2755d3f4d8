#!/usr/bin/env python3
"""The pages for those who come from elsewhere name only calls that exist; that of
libuv names each of its functions."""
import os
import re
import sys

SOURCE = os.environ.get("WEIR_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
PAGES = ("from-libuv.md", "from-asio.md", "from-tokio.md")
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


def calls_of(page):
    """Every name of ours in a page's code; weir_family_* stands for one call of it at least."""
    spans = re.findall(r"`([^`\n]+)`", page)
    return {name for span in spans for name in re.findall(r"\bweir_[a-z0-9_]+\*?", span)}


def exists(name, known):
    if name.endswith("*"):
        return any(call.startswith(name[:-1]) for call in known)
    return name in known


def headers_of(page):
    return set(re.findall(r"`(weir/[a-z0-9_]+\.h)`", page))


def check_page(name, known):
    page = read(os.path.join(SOURCE, "docs", name))
    missing = sorted(call for call in calls_of(page) if not exists(call, known))
    missing += sorted(header for header in headers_of(page)
                      if not os.path.exists(os.path.join(SOURCE, "include", header)))
    case = "calls_exist_" + name[len("from-"):-len(".md")]
    print("%s %s" % ("not ok" if missing else "ok", case))
    if missing:
        print("not there: " + ", ".join(missing))
    return bool(missing)


def main():
    known = ours()
    missing = sum(check_page(name, known) for name in PAGES)
    page = read(os.path.join(SOURCE, "docs", "from-libuv.md"))
    named = {name for text in re.findall(r"`(uv_[a-z0-9_{},]+)`", page) for name in spread(text)}
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
