# Every examples/*.c is one program. They are not part of the default build; the suite builds them
# again against an installed weir.
file(GLOB example_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/*.c)
add_custom_target(weir-examples)
foreach(source IN LISTS example_sources)
    if(NOT TARGET weir-static)
        break()
    endif()
    get_filename_component(stem ${source} NAME_WE)
    set(target example-${stem})
    add_executable(${target} EXCLUDE_FROM_ALL ${source})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${stem}
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
    if(TARGET weir-http-static)
        target_link_libraries(${target} PRIVATE weir-http-static)
    endif()
    target_link_libraries(${target} PRIVATE weir-flags weir-static)
    add_dependencies(weir-examples ${target})
endforeach()
