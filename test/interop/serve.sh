#!/bin/bash
# test/interop/serve.sh - weir serve, asked by curl and by raw sockets, on both backends.
set -u
weir=${WEIR_COMMAND:-${1:-build/release}/weir}
[ -x "$weir" ] || { echo "no weir command at $weir"; exit 77; }
command -v curl >/dev/null || { echo "no curl"; exit 77; }
work=$(mktemp -d) || exit 1
server=
trap '[ -n "$server" ] && kill -KILL "$server" 2>/dev/null; rm -rf "$work"' EXIT
failed=0

check() { # name, then a command that must succeed
    local name=$1
    shift
    if "$@"; then echo "ok $name$suffix"; else echo "not ok $name$suffix"; failed=1; fi
}

make_site() {
    mkdir -p "$work/site/sub" "$work/outside"
    echo "<h1>home</h1>" >"$work/site/index.html"
    echo "<h1>sub</h1>" >"$work/site/sub/index.html"
    printf '0123456789%.0s' {1..100} >"$work/site/small.txt"
    head -c 3000000 /dev/urandom >"$work/site/large.bin"
    : >"$work/site/empty.css"
    echo secret >"$work/outside/secret.txt"
    ln -s ../outside/secret.txt "$work/site/leaves"
    ln -s "$work/outside" "$work/site/leaves_folder"
    ln -s small.txt "$work/site/stays"
    ln -s "$work/site/small.txt" "$work/site/stays_absolute"
    mkfifo "$work/site/fifo"
}

start() { # options...
    "$weir" serve --listen tcp://127.0.0.1:0 "$@" "$work/site" >"$work/out" 2>"$work/err" &
    server=$!
    for _ in {1..500}; do
        port=$(sed -n 's/.*http:\/\/127\.0\.0\.1:\([0-9]*\) .*/\1/p' "$work/out")
        [ -n "$port" ] && break
        read -rt 0.02 <> <(:) || :
    done
    url=http://127.0.0.1:$port
}

stop() { # the exit status of a server that was asked to end
    kill -TERM "$server"
    wait "$server"
    local status=$?
    server=
    return $status
}

get() { curl -s -m 10 --path-as-is "$@"; }
status_is() { # status path options...
    local wanted=$1 path=$2
    shift 2
    [ "$(get -o /dev/null -w '%{http_code}' "$@" "$url$path")" = "$wanted" ]
}
header_of() { # name path options...
    local name=$1 path=$2
    shift 2
    get -D - -o /dev/null "$@" "$url$path" | tr -d '\r' | sed -n "s/^$name: //Ip"
}
same() { # path file
    get "$url$1" | cmp -s - "$work/site/$2"
}
# Sends a printf format, reads what comes until the server closes or a second has passed.
raw() {
    exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
    printf "$1" >&3
    timeout "${2:-1}" cat <&3
    exec 3>&-
    return 0
}
raw_statuses() { # statuses format [seconds]
    local got
    got=$(raw "$2" "${3:-1}" | tr -d '\0' | grep -ao 'HTTP/1.1 [0-9]*' | cut -d' ' -f2 | xargs)
    [ "$got" = "$1" ]
}

head_has_no_body() {
    [ "$(header_of Content-Length /small.txt -I)" = 1000 ] &&
        [ "$(get -I -o /dev/null -w '%{size_download}' "$url/small.txt")" = 0 ]
}
range_is() { # range wanted
    [ "$(get -r "$1" "$url/small.txt")" = "$2" ] && status_is 206 /small.txt -r "$1"
}
range_of_large() {
    get -r 1000000-1999999 "$url/large.bin" |
        cmp -s - <(tail -c +1000001 "$work/site/large.bin" | head -c 1000000)
}
multi_range() {
    get -r 0-4,500-504 "$url/$1" >"$work/multi" &&
        [ "$(grep -ac '^Content-Range: bytes' "$work/multi")" = 2 ] &&
        header_of Content-Type "/$1" -r 0-4,500-504 | grep -q 'multipart/byteranges; boundary='
}
conditional() {
    local tag date
    tag=$(header_of ETag /small.txt)
    date=$(header_of Last-Modified /small.txt)
    [ -n "$tag" ] && [ -n "$date" ] && status_is 304 /small.txt -H "If-None-Match: $tag" &&
        status_is 200 /small.txt -H 'If-None-Match: "other"' &&
        status_is 304 /small.txt -H "If-Modified-Since: $date" &&
        status_is 412 /small.txt -H 'If-Match: "other"' &&
        status_is 206 /small.txt -H "If-Range: $tag" -r 0-3 &&
        status_is 200 /small.txt -H 'If-Range: "other"' -r 0-3
}
changed_file_is_seen() {
    echo before >"$work/site/changing"
    [ "$(get "$url/changing")" = before ] || return 1
    echo afterwards >"$work/site/changing"
    for _ in {1..100}; do
        [ "$(get "$url/changing")" = afterwards ] && return 0
        read -rt 0.05 <> <(:) || :
    done
    return 1
}
redirect() {
    [ "$(header_of Location '/sub?a=b')" = '/sub/?a=b' ] && status_is 301 /sub
}
not_allowed() {
    status_is 405 / -X DELETE && [ "$(header_of Allow / -X PUT)" = "GET, HEAD" ]
}
half_request_is_408() {
    raw_statuses 408 'GET / HT' 5
}
half_request_holds_nobody() {
    exec 4<>"/dev/tcp/127.0.0.1/$port"
    printf 'GET / HTTP/1.1\r\nHo' >&4
    same / index.html
    local status=$?
    exec 4>&-
    return $status
}
# A client that is gone in the middle of a large answer: the connection is reset under the server.
reset_in_mid_answer() {
    local i
    for i in {1..20}; do
        exec 5<>"/dev/tcp/127.0.0.1/$port" || return 1
        printf 'GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n' >&5
        head -c 100 <&5 >/dev/null
        exec 5>&-
    done
    same / index.html
}
logged() {
    local request='"GET /small.txt?query HTTP/1.1" 200 1000'
    get -A 'some "agent"' -o /dev/null "$url/small.txt?query"
    for _ in {1..100}; do
        grep -q "^127.0.0.1 - - \[.*\] $request "'"-" "some \\x22agent\\x22"$' \
            "$work/log" && return 0
        read -rt 0.05 <> <(:) || :
    done
    return 1
}
# Requests that were under way when the signal came are answered whole.
term_under_load() {
    local loaders=() loader bad=0 i
    rm -f "$work/slow"
    for i in 1 2 3 4; do
        (while get -f "$url/large.bin" -o "$work/load$i"; do :; done
         # 7: refused, 52: closed before an answer began, 56: reset before one
         code=$?
         get -o /dev/null "$url/" && exit 1
         exit 0) &
        loaders+=($!)
    done
    curl -s --limit-rate 2M -m 20 -o "$work/slow" "$url/large.bin" &
    loader=$!
    for _ in {1..200}; do
        [ -s "$work/slow" ] && break
        read -rt 0.02 <> <(:) || :
    done
    stop || { echo "the server ended with $?"; bad=1; }
    wait "$loader" || { echo "the slow client ended with $?"; bad=1; }
    cmp -s "$work/slow" "$work/site/large.bin" || { echo "the slow answer was cut"; bad=1; }
    for loader in "${loaders[@]}"; do
        wait "$loader" || { echo "answered after the end"; bad=1; }
    done
    return $bad
}
fails_with() { # status text command...
    local wanted=$1 text=$2
    shift 2
    timeout 10 "$@" >"$work/out" 2>"$work/err"
    [ $? -eq "$wanted" ] && [ "$(wc -l <"$work/err")" = 1 ] && grep -qe "$text" "$work/err"
}
quit_dumps_the_tasks() {
    kill -QUIT "$server"
    for _ in {1..200}; do
        grep -q '^[0-9]* tasks$' "$work/err" && break
        read -rt 0.02 <> <(:) || :
    done
    grep -q '^task [0-9]* (main): ' "$work/err" && grep -q ': waiting for serve' "$work/err" &&
        grep -q '^  at ' "$work/err" && status_is 200 /
}
port_in_use() {
    fails_with 1 "127.0.0.1:$port" "$weir" serve --listen "tcp://127.0.0.1:$port" "$work/site"
}
unix_socket() {
    "$weir" serve --quiet --listen "unix://$work/socket" "$work/site" &
    server=$!
    for _ in {1..200}; do
        [ -S "$work/socket" ] && break
        read -rt 0.02 <> <(:) || :
    done
    curl -s -m 10 --unix-socket "$work/socket" http://x/ | cmp -s - "$work/site/index.html" && stop
}

ask_everything() {
    local h='HTTP/1.1\r\nHost: x\r\n' last='Connection: close\r\n\r\n'
    check index same / index.html
    check large_file same /large.bin large.bin
    check empty_file same /empty.css empty.css
    check content_type [ "$(header_of Content-Type /empty.css)" = "text/css; charset=utf-8" ]
    check head_has_no_body head_has_no_body
    check range_first range_is 0-4 01234
    check range_last range_is -3 789
    check range_of_large range_of_large
    check range_unsatisfiable status_is 416 /small.txt -r 5000-
    check ranges_of_small multi_range small.txt
    check ranges_of_large multi_range large.bin
    check conditional conditional
    check changed_file_is_seen changed_file_is_seen
    check redirect redirect
    check not_found status_is 404 /nowhere
    check folder_without_index_is_404 status_is 404 /sub/none/
    check not_allowed not_allowed
    check not_implemented status_is 501 / -X BREW
    check dot_segments_leave status_is 400 /../outside/secret.txt
    check encoded_dots_leave status_is 400 /%2e%2e/outside/secret.txt
    check encoded_slash status_is 400 /..%2foutside/secret.txt
    check encoded_nul status_is 400 /small.txt%00
    check link_out status_is 403 /leaves
    check link_to_folder_out status_is 403 /leaves_folder/secret.txt
    check link_out_does_not_tell status_is 403 /leaves_folder/nothing
    check link_inside status_is 200 /stays
    check absolute_link_inside status_is 200 /stays_absolute
    check fifo_does_not_block status_is 403 /fifo
    check pipelined raw_statuses "200 404 206 200" \
        "GET / $h\r\nGET /x $h\r\nGET /small.txt ${h}Range: bytes=0-1\r\n\r\nGET / $h$last"
    check body_is_dropped raw_statuses "200 404" \
        "GET / ${h}Content-Length: 5\r\n\r\nhelloGET /x $h$last"
    check chunked_body_is_dropped raw_statuses "200 404" \
        "GET / ${h}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /x $h$last"
    check body_too_large raw_statuses 413 "GET / ${h}Content-Length: 99999999\r\n\r\n" 5
    check expect_continue raw_statuses 100 \
        "GET / ${h}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n" 0.3
    check ambiguous_length raw_statuses 400 \
        "GET / ${h}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" 5
    check no_host raw_statuses 400 'GET / HTTP/1.1\r\n\r\n' 5
    check version raw_statuses 505 'GET / HTTP/2.7\r\nHost: x\r\n\r\n' 5
    check long_target raw_statuses 414 "GET /$(printf 'a%.0s' {1..9000}) $h\r\n" 5
    check long_head raw_statuses 431 "GET / ${h}X: $(printf 'a%.0s' {1..17000})\r\n\r\n" 5
    check half_request_is_408 half_request_is_408
    check half_request_holds_nobody half_request_holds_nobody
    check reset_in_mid_answer reset_in_mid_answer
    check logged logged
    check quit_dumps_the_tasks quit_dumps_the_tasks
    check port_in_use port_in_use
    check term_under_load term_under_load
}

make_site
for backend in uring epoll; do
    suffix=_$backend
    start --backend $backend --header-timeout 1s --access-log "$work/log"
    if [ -z "$port" ]; then
        if [ $backend = uring ] && grep -q 'implemented\|permitted\|doctor' "$work/err"; then
            echo "skip serve_$backend $(head -1 "$work/err")"
        else
            cat "$work/err"
            echo "not ok start$suffix"
            failed=1
        fi
        continue
    fi
    ask_everything
done
suffix=
check unix_socket unix_socket
check missing_folder fails_with 1 nowhere "$weir" serve "$work/nowhere"
check unknown_option fails_with 2 --wrong "$weir" serve --wrong
check wrong_address fails_with 2 nonsense "$weir" serve --listen nonsense "$work/site"
check no_number fails_with 2 workers "$weir" serve --workers many
check log_without_folder fails_with 1 'access log' \
    "$weir" serve --listen tcp://127.0.0.1:0 --access-log "$work/none/log" "$work/site"
exit $failed
