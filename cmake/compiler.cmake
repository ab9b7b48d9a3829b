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

# Options of our own targets; dependencies are system headers and stay out of the warnings.
add_library(frost_options INTERFACE)
target_include_directories(frost_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(frost_options INTERFACE FROST_VERSION="${PROJECT_VERSION}")
target_compile_options(frost_options INTERFACE -Wall -Wextra -Wconversion)
# Vectors wider than the target's registers travel between our own inlined functions only.
target_compile_options(frost_options INTERFACE -Wno-psabi)
if(FROST_WERROR)
  target_compile_options(frost_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 reports overlaps and overruns in its own std::string operator+ (GCC bug 105651); which of
  # them depends on what it inlines.
  target_compile_options(frost_options INTERFACE -Wno-restrict -Wno-array-bounds
                         -Wno-stringop-overflow)
endif()
if(FROST_FUZZ)
  target_compile_options(frost_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(FROST_SANITIZE)
  target_compile_options(frost_options INTERFACE -fsanitize=${FROST_SANITIZE}
                         -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(frost_options INTERFACE -fsanitize=${FROST_SANITIZE})
endif()
