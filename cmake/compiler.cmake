# What holds for all of our own code. Nothing here reaches a program that uses the libraries.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# The loops over floats (kernels/) are compiled with -O3; for the rest it costs build time and gains nothing.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
find_program(CCACHE ccache)
if(CCACHE)
  # Without this ccache does not cache what uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
      ${CCACHE})
endif()

# What most files include, parsed once instead of in each of them. A file still includes all it uses:
# the presets that check (debug, asan, ...) build without precompiled headers.
set(FROST_COMMON_HEADERS <algorithm> <array> <cmath> <cstdint> <filesystem> <fstream> <functional>
    <map> <memory> <numeric> <optional> <span> <sstream> <string> <utility> <vector>
    <fmt/format.h>)

set(FROST_WARNINGS -Wall -Wextra -Wconversion)
# Vectors wider than the target's registers travel between our own inlined functions only.
list(APPEND FROST_WARNINGS -Wno-psabi)
if(FROST_WERROR)
  list(APPEND FROST_WARNINGS -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 reports overlaps and overruns in its own std::string operator+ (GCC bug 105651); which of
  # them depends on what it inlines.
  list(APPEND FROST_WARNINGS -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow)
endif()

if(FROST_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(FROST_SANITIZE)
  add_compile_options(-fsanitize=${FROST_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FROST_SANITIZE})
endif()

# frost_commit.h defines FROST_COMMIT; link frost_commit to include it.
set(commit_header ${PROJECT_BINARY_DIR}/commit/frost_commit.h)
add_custom_target(frost_commit_header BYPRODUCTS ${commit_header}
  COMMAND ${CMAKE_COMMAND} -D SOURCE=${PROJECT_SOURCE_DIR} -D HEADER=${commit_header}
          -P ${PROJECT_SOURCE_DIR}/cmake/commit.cmake)
add_library(frost_commit INTERFACE)
add_dependencies(frost_commit frost_commit_header)
target_include_directories(frost_commit INTERFACE ${PROJECT_BINARY_DIR}/commit)
