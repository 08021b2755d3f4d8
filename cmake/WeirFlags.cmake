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

# Large frames must not jump over the guard region of a task's stack.
set(CMAKE_REQUIRED_FLAGS -Werror)
check_c_compiler_flag(-fstack-clash-protection WEIR_HAS_STACK_CLASH)
unset(CMAKE_REQUIRED_FLAGS)
if(WEIR_HAS_STACK_CLASH)
    target_compile_options(weir-flags INTERFACE
        $<$<COMPILE_LANGUAGE:C>:-fstack-clash-protection>)
endif()

if(WEIR_SANITIZE)
    target_compile_options(weir-flags INTERFACE -fsanitize=${WEIR_SANITIZE})
    target_link_options(weir-flags INTERFACE -fsanitize=${WEIR_SANITIZE})
    if(WEIR_SANITIZE MATCHES undefined)
        target_compile_options(weir-flags INTERFACE -fno-sanitize-recover=undefined)
    endif()
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
