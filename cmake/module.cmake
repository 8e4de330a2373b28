# Every folder of the house is one library made by asya_module(), with its unit tests beside the code.
find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
include(GoogleTest)

add_library(asya_flags INTERFACE)
target_include_directories(asya_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(asya_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -fno-omit-frame-pointer)
target_link_libraries(asya_flags INTERFACE Threads::Threads)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these inside libstdc++'s own headers at -O2.
  target_compile_options(asya_flags INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow
    -Wno-array-bounds -Wno-dangling-pointer)
endif()
if(ASYA_SANITIZE)
  target_compile_options(asya_flags INTERFACE -fsanitize=${ASYA_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(asya_flags INTERFACE -fsanitize=${ASYA_SANITIZE})
  if(ASYA_SANITIZE MATCHES "address")
    add_library(asya_leaks_of_others STATIC ${CMAKE_SOURCE_DIR}/tests/support/leaks_of_others.cc)
    target_link_libraries(asya_flags INTERFACE asya_leaks_of_others)
    target_link_options(asya_flags INTERFACE -Wl,-u,__lsan_default_suppressions)
  endif()
  if(ASYA_SANITIZE MATCHES "undefined")
    # RapidJSON's own stack adds an offset to a null pointer (internal/stack.h), which is no fault of the caller.
    target_compile_options(asya_flags INTERFACE -fno-sanitize=pointer-overflow)
  endif()
  if(ASYA_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(asya_flags INTERFACE -Wno-tsan)
  endif()
endif()
if(ASYA_FUZZ)
  target_compile_options(asya_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# asya_module(name SOURCES ... DEPS ... LIBS ... TESTS ... TEST_DEPS ...)
#   name       library target, e.g. asya_storage_sqlite
#   DEPS       other asya modules it may include
#   LIBS       third-party libraries, private to this folder
#   TESTS      x_test.cc files; they become one test program NAME_test
#   TEST_DEPS  modules that only the tests use
function(asya_module name)
  cmake_parse_arguments(M "" "" "SOURCES;DEPS;LIBS;TESTS;TEST_DEPS" ${ARGN})
  if(M_SOURCES)
    add_library(${name} STATIC ${M_SOURCES})
    target_link_libraries(${name} PUBLIC asya_flags ${M_DEPS} PRIVATE ${M_LIBS})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE asya_flags ${M_DEPS} ${M_LIBS})
  endif()
  if(M_TESTS)
    asya_test(${name}_test SOURCES ${M_TESTS} DEPS ${name} ${M_TEST_DEPS} LIBS ${M_LIBS})
  endif()
endfunction()

# asya_test(name SOURCES ... DEPS ... LIBS ...): one GoogleTest program whose cases ctest runs one by one.
function(asya_test name)
  cmake_parse_arguments(T "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE asya_flags ${T_DEPS} ${T_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 120)
endfunction()

# asya_fuzz(name SOURCES ... DEPS ...): under the fuzz preset a libFuzzer program (`fuzzers` builds them all); in every
# other build a test that replays its corpus, tests/fuzz/corpus/NAME without fuzz_.
function(asya_fuzz name)
  cmake_parse_arguments(F "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${F_SOURCES})
  target_link_libraries(${name} PRIVATE asya_flags ${F_DEPS})
  if(ASYA_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    if(NOT TARGET fuzzers)
      add_custom_target(fuzzers)
    endif()
    add_dependencies(fuzzers ${name})
    return()
  endif()
  target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.cc)
  string(REPLACE fuzz_ "" corpus ${name})
  add_test(NAME ${name}.Replay COMMAND ${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${corpus})
  set_tests_properties(${name}.Replay PROPERTIES TIMEOUT 120)
endfunction()
