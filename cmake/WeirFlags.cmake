# The flags of all that the project compiles (weir-flags) and of the library (weir-lib-flags).
include(CheckCCompilerFlag)
find_package(Threads REQUIRED)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O0 -g3 -fno-omit-frame-pointer")
set(CMAKE_C_FLAGS_CHECKED "-O1 -g -fno-omit-frame-pointer")
set(CMAKE_ASM_FLAGS_RELEASE "-g")
set(CMAKE_ASM_FLAGS_CHECKED "-g")

add_library(weir-flags INTERFACE)
target_compile_options(weir-flags INTERFACE
    $<$<COMPILE_LANGUAGE:C>:-std=gnu17>
    $<$<COMPILE_LANGUAGE:C>:-Wall;-Wextra;-Wshadow;-Wstrict-prototypes;-Wmissing-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wpointer-arith;-Wundef;-Wvla>
    # Released binaries name sources from the root of the tree, wherever it stands.
    $<$<CONFIG:Release>:-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=>)
if(WEIR_WERROR)
    target_compile_options(weir-flags INTERFACE -Werror)
endif()
target_link_libraries(weir-flags INTERFACE Threads::Threads)
target_compile_definitions(weir-flags INTERFACE _GNU_SOURCE)

# Large frames must not jump over the guard of a task's stack: in the library, and in programs
# that use it (the pkg-config files and the CMake package pass the flag on).
set(CMAKE_REQUIRED_FLAGS -Werror)
check_c_compiler_flag(-fstack-clash-protection WEIR_HAS_STACK_CLASH)
unset(CMAKE_REQUIRED_FLAGS)
set(WEIR_USER_CFLAGS "")
if(WEIR_HAS_STACK_CLASH AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64|aarch64|arm64)$")
    set(WEIR_USER_CFLAGS -fstack-clash-protection)
endif()
if(WEIR_HAS_STACK_CLASH)
    target_compile_options(weir-flags INTERFACE
        $<$<COMPILE_LANGUAGE:C>:-fstack-clash-protection>)
endif()

# src/task/context.h: by itself it takes the assembly of x86-64 and aarch64, else ucontext.
if(WEIR_CONTEXT STREQUAL ucontext)
    target_compile_definitions(weir-flags INTERFACE WEIR_CONTEXT_UCONTEXT=1)
elseif(WEIR_CONTEXT STREQUAL assembly)
    if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64|aarch64|arm64)$")
        message(FATAL_ERROR "weir: there is no assembly for ${CMAKE_SYSTEM_PROCESSOR}")
    endif()
elseif(NOT WEIR_CONTEXT STREQUAL auto)
    message(FATAL_ERROR "weir: WEIR_CONTEXT is auto, assembly or ucontext, not ${WEIR_CONTEXT}")
endif()

if(WEIR_SANITIZE)
    target_compile_options(weir-flags INTERFACE -fsanitize=${WEIR_SANITIZE})
    target_link_options(weir-flags INTERFACE -fsanitize=${WEIR_SANITIZE})
    if(WEIR_SANITIZE MATCHES undefined)
        target_compile_options(weir-flags INTERFACE -fno-sanitize-recover=undefined)
    endif()
endif()
if(WEIR_HOSTILE)
    target_compile_definitions(weir-flags INTERFACE WEIR__HOSTILE=1)
endif()
if(WEIR_FAULTS)
    target_compile_definitions(weir-flags INTERFACE WEIR_FAULTS=1)
endif()

add_library(weir-lib-flags INTERFACE)
target_link_libraries(weir-lib-flags INTERFACE weir-flags)
target_compile_options(weir-lib-flags INTERFACE -fvisibility=hidden)
# Instrumented frames are larger than those that users get.
if(NOT WEIR_SANITIZE)
    target_compile_options(weir-lib-flags INTERFACE
        $<$<COMPILE_LANGUAGE:C>:-Wframe-larger-than=4096>)
endif()
