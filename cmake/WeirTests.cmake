# Every test/{unit,os,model,sim,fault}/*.c is one program: test/<kind>/<stem> of the build folder.
#
# test/test_main.c and the helpers in test/support/*.c are linked to each. Tests see the headers of
# src/ and, through the archive, the internal symbols. `weir-tests` builds them all. The programs
# of test/fault are for builds with WEIR_FAULTS alone.
add_custom_target(weir-tests)
if(CMAKE_CROSSCOMPILING)
    add_library(weir-cmocka OBJECT EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/test/cross/cmocka.c)
    target_include_directories(weir-cmocka PUBLIC ${PROJECT_SOURCE_DIR}/test/cross)
    target_link_libraries(weir-cmocka PRIVATE weir-flags)
    # Its assertions are calls that may return as far as the compiler knows.
    target_compile_options(weir-cmocka PUBLIC -Wno-maybe-uninitialized)
else()
    find_package(PkgConfig QUIET)
    if(PkgConfig_FOUND)
        pkg_check_modules(CMOCKA QUIET IMPORTED_TARGET cmocka)
    endif()
    if(CMOCKA_FOUND)
        add_library(weir-cmocka ALIAS PkgConfig::CMOCKA)
    endif()
endif()
if(NOT TARGET weir-cmocka OR NOT TARGET weir-static)
    message(STATUS "weir: tests are left out, they lack cmocka or libweir")
    return()
endif()

file(GLOB support_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/test/support/*.c)
add_library(weir-test-support OBJECT EXCLUDE_FROM_ALL
    ${PROJECT_SOURCE_DIR}/test/test_main.c ${support_sources})
target_include_directories(weir-test-support PRIVATE
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/test)
target_link_libraries(weir-test-support PRIVATE weir-flags weir-cmocka)

set(kinds unit os sim)
if(WEIR_FAULTS)
    list(APPEND kinds fault)
endif()
foreach(kind IN LISTS kinds)
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/test/${kind}/*.c)
    foreach(source IN LISTS sources)
        get_filename_component(stem ${source} NAME_WE)
        set(target test-${kind}-${stem})
        add_executable(${target} EXCLUDE_FROM_ALL ${source}
            $<TARGET_OBJECTS:weir-test-support>)
        set_target_properties(${target} PROPERTIES OUTPUT_NAME ${stem}
            RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test/${kind})
        target_include_directories(${target} PRIVATE
            ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/test)
        target_compile_definitions(${target} PRIVATE
            WEIR_TEST_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
        if(TARGET weir-http-static)
            target_link_libraries(${target} PRIVATE weir-http-static)
        endif()
        if(TARGET weir-dns-static)
            target_link_libraries(${target} PRIVATE weir-dns-static)
            target_compile_definitions(${target} PRIVATE WEIR_TEST_DNS=1)
        endif()
        target_link_libraries(${target} PRIVATE weir-flags weir-static weir-cmocka)
        add_dependencies(weir-tests ${target})
    endforeach()
endforeach()

# The soak (tools/soak) uses the public headers alone.
add_executable(weir-soak EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/test/soak/soak.c)
set_target_properties(weir-soak PROPERTIES OUTPUT_NAME soak
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test/soak)
target_link_libraries(weir-soak PRIVATE weir-flags weir-static)

# Models: the sources under test are compiled for the checker of test/model/check, which takes their
# atomic accesses (WEIR__MODEL) and, as the calls of a sanitizer whose library is not linked, their
# plain ones. What a model defines itself is taken instead of the library's.
if(WEIR_SANITIZE OR CMAKE_CROSSCOMPILING)
    return()
endif()
file(GLOB check_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/test/model/check/*.c)
file(GLOB rig_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/test/model/check/*_rig.c)
list(REMOVE_ITEM check_sources ${rig_sources})
add_library(weir-model-check OBJECT EXCLUDE_FROM_ALL
    ${PROJECT_SOURCE_DIR}/test/test_main.c ${check_sources})
target_include_directories(weir-model-check PRIVATE
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/test)
target_link_libraries(weir-model-check PRIVATE weir-flags weir-cmocka)
target_compile_definitions(weir-model-check PRIVATE WEIR__MODEL=1)
add_library(weir-model-flags INTERFACE)
target_include_directories(weir-model-flags INTERFACE ${PROJECT_SOURCE_DIR}/include
    ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/test ${PROJECT_SOURCE_DIR}/test/model)
target_compile_definitions(weir-model-flags INTERFACE
    WEIR__MODEL=1 WEIR__LOCK_SPINS=0 WEIR__RUNQ_SLOTS=4u WEIR__SEARCH_RELAX=0 WEIR__JOBQ_SHARDS=2u)
target_compile_options(weir-model-flags INTERFACE -fsanitize=thread)
target_link_libraries(weir-model-flags INTERFACE weir-flags)
weir_sources(model_sources base sys core task)
list(FILTER model_sources EXCLUDE REGEX "/context[^/]*$")
add_library(weir-model STATIC EXCLUDE_FROM_ALL ${rig_sources} ${model_sources})
set_target_properties(weir-model PROPERTIES OUTPUT_NAME model) # no library of weir's
target_link_libraries(weir-model PRIVATE weir-model-flags)
file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/test/model/*.c)
foreach(source IN LISTS sources)
    get_filename_component(stem ${source} NAME_WE)
    set(target test-model-${stem})
    add_executable(${target} EXCLUDE_FROM_ALL ${source} $<TARGET_OBJECTS:weir-model-check>)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${stem}
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test/model)
    target_link_libraries(${target} PRIVATE
        weir-model-flags weir-model weir-static weir-cmocka -Wl,--allow-multiple-definition)
    add_dependencies(weir-tests ${target})
endforeach()
