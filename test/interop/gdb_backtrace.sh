#!/bin/sh
# test/interop/gdb_backtrace.sh - a backtrace on a task's stack reaches the entry function and ends.
#
# In gdb, stopped in a nested function and in the middle of the switch; and in the unwinder of the C
# library. Both with and without frame pointers.
set -u
root=${WEIR_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cc=${CC:-cc}
command -v "$cc" >/dev/null || { echo "skip gdb_backtrace no C compiler"; exit 77; }
failed=0

report() { # status name
    if [ "$1" -eq 0 ]; then echo "ok $2"; else echo "not ok $2"; failed=1; fi
}

build() { # program flags...
    program=$1
    shift
    "$cc" -D_GNU_SOURCE -std=gnu17 -g "$@" -I"$root/include" -I"$root/src" \
        "$root/test/interop/gdb_backtrace.c" "$root/src/task/context.c" \
        "$root/src/task/context_x86_64.S" "$root/src/task/context_aarch64.S" -o "$program"
}

# The functions of the innermost frames, outermost last, and what gdb says about the end.
frames() { # program breakpoint
    gdb -q -batch -nx -ex "set confirm off" -ex "set debuginfod enabled off" \
        -ex "break $2" -ex run -ex backtrace "$1" 2>/dev/null |
        sed -n -e 's/^#[0-9]* *\(0x[0-9a-f]* in \)\{0,1\}\([a-z_A-Z0-9]*\).*/\2/p' \
            -e 's/^Backtrace stopped.*/STOPPED/p' |
        tr '\n' ' '
}

check() { # program label
    "$1"
    report $? "libc_unwinder_ends_at_the_entry_$2"
    command -v gdb >/dev/null || { echo "skip gdb_ends_at_the_entry_$2 no gdb"; return; }
    got=$(frames "$1" innermost)
    case $got in
    *"innermost middle middle middle middle task_entry weir__context_start ") good=0 ;;
    *) good=1; echo "gdb saw: $got" ;;
    esac
    report $good "gdb_ends_at_the_entry_$2"
}

# Each instruction of the switch, from main to the task: the frame below is main before rsp changes
# and task_entry after it, and the backtrace never breaks.
check_steps() { # program
    command -v gdb >/dev/null || return
    gdb -q -batch -nx -ex "set confirm off" -ex "set debuginfod enabled off" -ex "break middle" \
        -ex run -ex "delete" -ex "break weir__context_jump" -ex continue \
        -ex "python
import gdb
seen = set()
while True:
    names = []
    frame = gdb.newest_frame()
    while frame is not None:
        names.append(frame.name())
        frame = frame.older()
    if names[0] != 'weir__context_jump':
        break
    seen.add(' '.join(str(n) for n in names[1:]))
    gdb.execute('stepi', False, True)
for line in sorted(seen):
    print('STEP ' + line)
" "$1" >"$work/steps" 2>/dev/null
    if ! grep -q '^STEP' "$work/steps"; then
        echo "skip gdb_steps_through_the_switch no gdb with Python"
        return
    fi
    # From the ended task back to main: both sides, and nothing else.
    sed 's/__libc_start.*//; s/ *$//' "$work/steps" | grep '^STEP' | sort -u >"$work/sides"
    printf 'STEP main\nSTEP task_entry weir__context_start\n' >"$work/wanted"
    sed -i -e 's/^STEP weir__context_switch\(_final\)\{0,1\} /STEP /' \
        -e 's/^STEP main.*/STEP main/' "$work/sides"
    sort -u "$work/sides" | cmp -s - "$work/wanted"
    status=$?
    [ $status -eq 0 ] || cat "$work/steps"
    report $status gdb_steps_through_the_switch
}

build "$work/plain" -O1 -fomit-frame-pointer || { echo "not ok build"; exit 1; }
build "$work/pointers" -O1 -fno-omit-frame-pointer || { echo "not ok build"; exit 1; }
check "$work/plain" without_frame_pointers
check "$work/pointers" with_frame_pointers
check_steps "$work/plain"
exit $failed
