#!/bin/sh
# test/interop/ucontext.sh - tasks and streams with the switch by ucontext, on both backends.
#
# A build of its own with -DWEIR_CONTEXT=ucontext, of the library and of two test programs.
set -u
root=${WEIR_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${WEIR_BUILD_DIR:?}
grep -q '^WEIR_SANITIZE:STRING=$' "$build/CMakeCache.txt" || {
    echo "one run, in the build without sanitizers, is enough"
    exit 77
}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

cmake -S "$root" -B "$work" -G Ninja -DCMAKE_C_COMPILER="${CC:-gcc}" -DWEIR_CONTEXT=ucontext \
    -DCMAKE_C_FLAGS_RELEASE=-O1 >"$work/log" 2>&1 || {
    tail -n 3 "$work/log"
    echo "cannot be configured here"
    exit 77
}
if ! cmake --build "$work" -j 2 --target test-os-task test-os-stream >"$work/log" 2>&1; then
    sed 's/^/# /' "$work/log"
    echo "not ok ucontext_builds"
    exit 1
fi
# The hand-written switch is not in it.
if nm "$work/libweir.a" 2>/dev/null | grep -q weir__context_start; then
    echo "not ok ucontext_is_what_is_built"
    failed=1
else
    echo "ok ucontext_is_what_is_built"
fi
for backend in uring epoll; do
    for test in task stream; do
        if WEIR_BACKEND=$backend timeout 60 "$work/test/os/$test" >"$work/log" 2>&1; then
            echo "ok ucontext_${test}_$backend"
        else
            sed 's/^/# /' "$work/log"
            echo "not ok ucontext_${test}_$backend"
            failed=1
        fi
    done
done
exit $failed
