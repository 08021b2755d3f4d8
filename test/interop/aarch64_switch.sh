#!/bin/sh
# test/interop/aarch64_switch.sh - contexts, stacks and threads on aarch64, under qemu-user.
#
# The unit tests themselves, built by a cross compiler, with the small cmocka of test/cross (there
# is no cmocka for the other machine). qemu-user knows no guard markers: guards are mprotect.
set -u
root=${WEIR_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
cc=${WEIR_AARCH64_CC:-aarch64-linux-gnu-gcc}
qemu=${WEIR_AARCH64_QEMU:-qemu-aarch64}
command -v "$cc" >/dev/null && command -v "$qemu" >/dev/null || {
    echo "skip aarch64_switch no cross compiler or no qemu-user"
    exit 77
}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

run() { # name test flags...
    name=$1 test=$2
    shift 2
    if "$cc" -static -D_GNU_SOURCE -std=gnu17 -O2 -g -Wall -Wextra -Werror "$@" \
        -I"$root/test/cross" -I"$root/include" -I"$root/src" -I"$root/test" \
        "$root/test/unit/$test.c" "$root/test/test_main.c" \
        "$root/test/cross/cmocka.c" "$root/test/cross/core.c" \
        "$root"/src/base/*.c "$root"/src/sys/*.c "$root"/src/task/context*.[cS] \
        "$root/src/task/region.c" "$root/src/task/stack.c" "$root/src/task/overflow.c" \
        -lpthread -o "$work/$name" >"$work/log" 2>&1 &&
        WEIR_TEST_TIMEOUT=60 "$qemu" "$work/$name" >>"$work/log" 2>&1; then
        echo "ok $name"
    else
        sed 's/^/# /' "$work/log"
        echo "not ok $name"
        failed=1
    fi
}

run switches_by_hand task_context
run switches_by_ucontext task_context -DWEIR_CONTEXT_UCONTEXT=1
run stacks task_stack
run overflow_is_reported task_overflow
run threads_and_parking sys_thread
exit $failed
