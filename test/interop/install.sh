#!/bin/bash
# An installed weir: files, names in the libraries, and programs that are built against it alone, by
# pkg-config and by CMake, shared and static, in C and C++. Every example is built this way.
set -u
source_dir="${WEIR_SOURCE_DIR:?}" build="${WEIR_BUILD_DIR:?}"

grep -q '^WEIR_SANITIZE:STRING=$' "$build/CMakeCache.txt" || {
    echo "libraries with a sanitizer are not for installation"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix="$work/usr"
bad=0

judge()    # NAME command...: ok when the command succeeds
{
    local name="$1"

    shift
    if "$@" >"$work/log" 2>&1; then
        echo "ok $name"
    else
        sed 's/^/# /' "$work/log"
        echo "not ok $name"
        bad=1
    fi
}

skip()
{
    echo "skip $1 $2"
}

judge installs cmake --install "$build" --prefix "$prefix"
[ "$bad" -eq 0 ] || exit 1

# shellcheck disable=SC2012
lib=$(dirname "$(find "$prefix" -name libweir.so)")
export PKG_CONFIG_PATH="$lib/pkgconfig" LD_LIBRARY_PATH="$lib"
packages=weir
[ -e "$lib/pkgconfig/weir-http.pc" ] && packages="$packages weir-http"
dns=""
[ -e "$lib/pkgconfig/weir-dns.pc" ] && packages="$packages weir-dns" dns=-lcares

soname()    # FILE NAME
{
    readelf -d "$1" | grep SONAME | grep -qF "[$2]"
}

exports_only_public()
{
    local others

    others=$(nm -D --defined-only "$lib"/libweir*.so | awk 'NF == 3 { print $3 }' |
        grep -vE '^(weir_[^_]|WEIR_((HTTP|DNS)_)?0)')
    [ -z "$others" ] || { echo "exported: $others"; return 1; }
}

no_path_of_this_machine()
{
    ! grep -rlF "$source_dir" "$prefix"
}

judge soname_of_libweir soname "$lib/libweir.so" libweir.so.0
judge exports_only_public_names exports_only_public
judge holds_no_path_of_the_build no_path_of_this_machine

cat >"$work/minimal.c" <<'END'
#include <weir/error.h>
#include <string.h>
int main(void)
{
    return strcmp(weir_error_name(WEIR_EPIPE), "WEIR_EPIPE") != 0;
}
END
cp "$work/minimal.c" "$work/minimal.cc"

build_and_run()    # COMPILER SOURCE pkg-config-options...
{
    local compiler="$1" source="$2"

    shift 2
    # shellcheck disable=SC2046,SC2086
    $compiler -Wall -Wextra -Werror "$source" -o "$work/program" \
        $(pkg-config --cflags weir) $(pkg-config "$@" --libs weir) && "$work/program"
}

static()    # COMPILER SOURCE...
{
    local compiler="$1" source="$2" archives="" package

    for package in $packages; do
        archives="$lib/lib$package.a $archives"
    done
    # shellcheck disable=SC2046,SC2086
    $compiler -Wall -Wextra -Werror "$source" -o "$work/program" \
        $(pkg-config --cflags weir) $archives $dns -pthread
}

judge pkg_config_shared_c build_and_run "gcc -std=c11" "$work/minimal.c"
judge pkg_config_static_c static "gcc -std=c17" "$work/minimal.c"
judge pkg_config_shared_clang build_and_run "clang -std=c17" "$work/minimal.c"
if command -v g++ >/dev/null; then
    judge pkg_config_shared_cxx build_and_run "g++ -std=c++17" "$work/minimal.cc"
else
    skip pkg_config_shared_cxx "g++ is not installed"
fi

mkdir "$work/project"
cp "$work/minimal.c" "$work/project"
cat >"$work/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(consumer C)
find_package(weir 0.1 REQUIRED)
add_executable(shared minimal.c)
target_link_libraries(shared weir::weir)
add_executable(static minimal.c)
target_link_libraries(static weir::weir_static)
if(TARGET weir::http)
    target_link_libraries(shared weir::http)
    target_link_libraries(static weir::http_static)
endif()
if(TARGET weir::dns)
    target_link_libraries(shared weir::dns)
    target_link_libraries(static weir::dns_static)
endif()
END
cmake_package()
{
    cmake -S "$work/project" -B "$work/project/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" &&
        cmake --build "$work/project/build" &&
        "$work/project/build/shared" && "$work/project/build/static"
}
judge cmake_package cmake_package

# A frame of 100 KiB, more than a stack and its guard, in a task: found in the guard, and named.
cat >"$work/large.c" <<'END'
#include <weir/runtime.h>
#include <weir/scope.h>
static int large(void *arg)
{
    volatile char frame[100 * 1024];
    const volatile unsigned *at = arg;

    frame[*at] = 0;
    return frame[*at];
}
static int run(void *arg)
{
    struct weir_spawn_options options = {.name = "glutton"};
    weir_scope scope;

    weir_scope_open(&scope);
    weir_spawn_with(&scope, large, arg, &options);
    return weir_scope_join(&scope);
}
int main(void)
{
    volatile unsigned at = 0;

    return weir_run(run, (void *)&at, NULL);
}
END

overflow_is_named()    # COMPILER
{
    # shellcheck disable=SC2046
    "$1" -std=c11 -O1 -Wall -Wextra -Werror "$work/large.c" -o "$work/large" \
        $(pkg-config --cflags --libs weir) || return 1
    (ulimit -c 0 && "$work/large") >"$work/large.log" 2>&1 && return 1
    cat "$work/large.log"
    grep -q 'stack overflow in task glutton' "$work/large.log"
}
large_frames()    # the same by the CMake package: the flag comes with the target
{
    cp "$work/large.c" "$work/project/minimal.c"
    cmake --build "$work/project/build" --target shared || return 1
    (ulimit -c 0 && "$work/project/build/shared") >"$work/large.log" 2>&1 && return 1
    grep -q 'stack overflow in task glutton' "$work/large.log"
}
case "$(uname -m)" in
    x86_64 | aarch64)
        judge large_frames_are_reported_gcc overflow_is_named gcc
        judge large_frames_are_reported_clang overflow_is_named clang
        judge large_frames_are_reported_cmake large_frames ;;
    *) skip large_frames_are_reported "the flag is for x86-64 and aarch64" ;;
esac

example()    # SOURCE
{
    # shellcheck disable=SC2046,SC2086
    gcc -std=c11 -O1 -Wall -Wextra -Werror "$1" -o "$work/example" \
        $(pkg-config --cflags --libs $packages) &&
        static "gcc -std=gnu17" "$1"
}
for source in "$source_dir"/examples/*.c; do
    [ -e "$source" ] || continue
    [ -z "$dns" ] && [ "$(basename "$source")" = names.c ] && continue
    judge "example_$(basename "$source" .c)" example "$source"
done

if [ -x "$prefix/bin/weir" ]; then
    judge command_tells_its_version "$prefix/bin/weir" --version
else
    skip command_tells_its_version "the command is not built"
fi
man_page()
{
    man --warnings -E UTF-8 -l -Tutf8 -Z "$1" >/dev/null 2>"$work/man.log"
    cat "$work/man.log"
    [ ! -s "$work/man.log" ]
}
if command -v man >/dev/null; then
    while read -r page; do
        judge "man_$(basename "$page")" man_page "$page"
    done < <(find "$prefix" -path '*/man/man*' -type f)
fi
exit $bad
