# weir_sources(out folder...): the *.c of these folders of src/, and the *.S of this processor.
#
# An assembly file that names a processor in its file name is for that one only; one that names
# none is for all.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    set(WEIR_ARCH x86_64)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    set(WEIR_ARCH aarch64)
else()
    set(WEIR_ARCH ${CMAKE_SYSTEM_PROCESSOR})
endif()

function(weir_sources out)
    set(found)
    foreach(folder IN LISTS ARGN)
        set(path ${PROJECT_SOURCE_DIR}/src/${folder})
        file(GLOB c_files CONFIGURE_DEPENDS ${path}/*.c)
        file(GLOB asm_files CONFIGURE_DEPENDS ${path}/*.S)
        list(APPEND found ${c_files})
        foreach(file IN LISTS asm_files)
            get_filename_component(name ${file} NAME)
            if(name MATCHES ${WEIR_ARCH} OR NOT name MATCHES "x86_64|aarch64|riscv64|arm|win64")
                list(APPEND found ${file})
            endif()
        endforeach()
    endforeach()
    set(${out} ${found} PARENT_SCOPE)
endfunction()

# weir_library_uses(name PREFIX): a library that another project has, as pkg_check_modules found it.
function(weir_library_uses name prefix)
    target_include_directories(${name}-objects PRIVATE ${${prefix}_INCLUDE_DIRS})
    foreach(kind static shared)
        target_link_directories(${name}-${kind} PUBLIC ${${prefix}_LIBRARY_DIRS})
    endforeach()
    target_link_libraries(${name}-static PUBLIC ${${prefix}_LIBRARIES})
    target_link_libraries(${name}-shared PRIVATE ${${prefix}_LIBRARIES})
endfunction()

# weir_library(name SOURCES file... MAP file [NEEDS library]): name-static and name-shared from one
# set of objects. Public symbols alone are exported; internals stay visible inside the archive.
function(weir_library name)
    cmake_parse_arguments(arg "" "MAP;NEEDS" "SOURCES" ${ARGN})
    if(NOT arg_SOURCES)
        message(STATUS "weir: lib${name} is left out, it has no sources yet")
        return()
    endif()
    set(map ${PROJECT_SOURCE_DIR}/${arg_MAP})
    string(REGEX REPLACE "^weir-" "" export ${name}) # weir::weir, weir::http

    add_library(${name}-objects OBJECT ${arg_SOURCES})
    set_target_properties(${name}-objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_include_directories(${name}-objects PRIVATE
        ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${name}-objects PRIVATE weir-lib-flags)

    add_library(${name}-static STATIC $<TARGET_OBJECTS:${name}-objects>)
    add_library(${name}-shared SHARED $<TARGET_OBJECTS:${name}-objects>)
    set_target_properties(${name}-static PROPERTIES EXPORT_NAME ${export}_static)
    set_target_properties(${name}-shared PROPERTIES EXPORT_NAME ${export}
        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${map})
    target_link_options(${name}-shared PRIVATE LINKER:--version-script=${map})
    if(WEIR_SANITIZE)
        target_link_options(${name}-shared PRIVATE -fsanitize=${WEIR_SANITIZE})
    else()
        target_link_options(${name}-shared PRIVATE LINKER:-z,defs LINKER:--as-needed)
    endif()
    foreach(kind static shared)
        set_target_properties(${name}-${kind} PROPERTIES OUTPUT_NAME ${name} LINKER_LANGUAGE C)
        target_include_directories(${name}-${kind} PUBLIC
            $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
            $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
        if(WEIR_USER_CFLAGS)
            target_compile_options(${name}-${kind} INTERFACE
                $<$<COMPILE_LANG_AND_ID:C,GNU,Clang,AppleClang>:${WEIR_USER_CFLAGS}>
                $<$<COMPILE_LANG_AND_ID:CXX,GNU,Clang,AppleClang>:${WEIR_USER_CFLAGS}>)
        endif()
        target_link_libraries(${name}-${kind} PUBLIC Threads::Threads)
        if(arg_NEEDS AND TARGET ${arg_NEEDS}-${kind})
            target_link_libraries(${name}-${kind} PUBLIC ${arg_NEEDS}-${kind})
        endif()
    endforeach()
endfunction()
