# The CPU kernels, kernels/cpu, compiled once per instruction level and chosen at start
# (kernels/cpu_levels.h). Everything else is compiled for the compiler's plain target.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(FROST_CPU_LEVELS baseline avx2 avx512)
  set(baseline_flags -march=x86-64-v2)
  set(avx2_flags -march=x86-64-v2 -mavx2 -mfma -mbmi -mbmi2)
  set(avx512_flags ${avx2_flags} -mavx512f -mavx512vl -mavx512bw -mavx512dq -mavx512cd
                   -mprefer-vector-width=512)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(FROST_CPU_LEVELS neon)
else()
  set(FROST_CPU_LEVELS baseline)
endif()

# Joining a level takes groups of sections apart, which GNU's linker alone can.
set(FROST_LEVEL_LINKER ${CMAKE_LINKER})
execute_process(COMMAND ${CMAKE_LINKER} --version OUTPUT_VARIABLE linker_version ERROR_QUIET)
if(NOT linker_version MATCHES "GNU ld")
  find_program(FROST_GNU_LINKER NAMES ${CMAKE_CXX_COMPILER_TARGET}-ld.bfd ld.bfd)
  if(NOT FROST_GNU_LINKER)
    message(FATAL_ERROR "${CMAKE_LINKER} is not GNU ld, which joins the CPU kernels: install binutils")
  endif()
  set(FROST_LEVEL_LINKER ${FROST_GNU_LINKER})
endif()

file(GLOB_RECURSE cpu_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/cpu/*.cpp)
set(level_list "")
foreach(level IN LISTS FROST_CPU_LEVELS)
  set(objects frost_cpu_${level})
  add_library(${objects} OBJECT ${cpu_sources})
  frost_own(${objects})
  target_link_libraries(${objects} PRIVATE Threads::Threads)
  target_compile_definitions(${objects} PRIVATE FROST_CPU_LEVEL=${level})
  # The intrinsics' header is long, and three times twenty files include it.
  target_precompile_headers(${objects} PRIVATE <algorithm> <cmath> <functional> <memory> <span>
                            <string> <vector> ${PROJECT_SOURCE_DIR}/kernels/cpu/simd.h)
  # Fused multiply-adds are written out where they are wanted: equal bits on all levels that have
  # them (docs/architecture.md, "Instruction levels").
  # Unique symbols, which g++ makes of some data in headers, cannot be made local.
  target_compile_options(${objects} PRIVATE $<$<CONFIG:Release>:-O3> ${${level}_flags} -ffp-contract=off
                         -fvisibility=hidden $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  if(FROST_SANITIZE MATCHES "address")
    # Checking scopes within whole tiles inlined into one function takes g++ minutes a file.
    target_compile_options(${objects} PRIVATE -fno-sanitize-address-use-after-scope)
  endif()
  set_target_properties(${objects} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)

  # A function of a header that two levels compile has one name, and the linker would keep one of
  # them for all. So each level is linked for itself, and all names but its entry made local.
  set(parts "$<FILTER:$<TARGET_OBJECTS:${objects}>,EXCLUDE,[.][gp]ch$>")  # no precompiled header
  set(level_object ${PROJECT_BINARY_DIR}/kernels/cpu_${level}.o)
  add_custom_command(
    OUTPUT ${level_object}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/kernels
    COMMAND ${FROST_LEVEL_LINKER} -r --force-group-allocation -o ${level_object} "${parts}"
    COMMAND ${CMAKE_OBJCOPY} --keep-global-symbol=frost_cpu_level_${level} ${level_object}
    DEPENDS ${objects} "${parts}"
    COMMAND_EXPAND_LISTS VERBATIM COMMENT "Joining the CPU kernels of level ${level}")
  set_source_files_properties(${level_object} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  target_sources(frost_kernels PRIVATE ${level_object})
  string(APPEND level_list "FROST_LEVEL(${level})")
endforeach()
set_property(SOURCE ${PROJECT_SOURCE_DIR}/kernels/cpu_levels.cpp APPEND PROPERTY COMPILE_DEFINITIONS
             "FROST_CPU_LEVELS=${level_list}")
set_property(GLOBAL PROPERTY FROST_CPU_LEVELS ${FROST_CPU_LEVELS})
