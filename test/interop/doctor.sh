#!/bin/bash
# weir doctor: prints what it promises, follows WEIR_BACKEND, advises when descriptors are few.
set -u
weir="${WEIR_COMMAND:?}"
bad=0

judge()    # NAME PATTERN command...: ok when the output has the pattern
{
    local name="$1" pattern="$2" output

    shift 2
    output=$("$@" 2>&1)
    if grep -q -- "$pattern" <<<"$output"; then
        echo "ok $name"
    else
        sed 's/^/# /' <<<"$output"
        echo "not ok $name"
        bad=1
    fi
}

limited()
{
    (ulimit -n 500 && "$weir" doctor)
}

for what in kernel io_uring descriptors backlog 'memory maps' 'cgroup processors' \
    'cgroup memory' 'memory left' backend workers; do
    judge "doctor_names_${what// /_}" "^  $what" "$weir" doctor
done
judge doctor_follows_the_environment '^  backend  *epoll' env WEIR_BACKEND=epoll "$weir" doctor
judge doctor_lists_options '^  slice  *WEIR_SLICE  *1ms' "$weir" doctor --options
judge doctor_lists_the_report_of_overflows \
    '^  no_overflow_report  *WEIR_NO_OVERFLOW_REPORT  *on .*(set)' \
    env WEIR_NO_OVERFLOW_REPORT=on "$weir" doctor --options
judge doctor_tells_the_default_of_stacks '^  stack  *WEIR_STACK  *65536 ' "$weir" doctor --options
judge doctor_tells_the_default_of_buffers '^  buffers  *WEIR_BUFFERS  *[0-9]' \
    "$weir" doctor --options
judge doctor_marks_what_only_the_struct_has '^  name  *(struct only)  *none ' \
    "$weir" doctor --options
judge doctor_shows_the_environment '^  slice .* 5ms .*(set)' \
    env WEIR_SLICE=5ms "$weir" doctor --options
judge doctor_names_wrong_variables '^  pin .* sideways .*WRONG' \
    env WEIR_PIN=sideways "$weir" doctor --options
judge doctor_advises_more_descriptors '^  - too few descriptors' limited
judge doctor_refuses_arguments 'one argument too many' "$weir" doctor x
exit "$bad"
