# The CUDA backend as a module that the programs load on demand (kernels/cuda/module.h); nothing of
# CUDA is linked into them. FROST_CUDA: ON needs toolkit and cuDNN, AUTO builds the module where
# both are found, OFF never looks.
set(FROST_CUDA "AUTO" CACHE STRING "CUDA backend: AUTO, ON or OFF")
set_property(CACHE FROST_CUDA PROPERTY STRINGS AUTO ON OFF)
set(FROST_CUDA_ARCHITECTURES "90" CACHE STRING
    "GPU architectures, as in CMAKE_CUDA_ARCHITECTURES; 'release': all that run, plus PTX")

# The loader is part of the programs, with or without a module to load.
set(cuda_module_dir ${PROJECT_BINARY_DIR}/lib)
# A module built from other headers than the program's would misread what it is handed, so both carry
# a digest of all headers that their common interface includes.
include(${PROJECT_SOURCE_DIR}/cmake/digest.cmake)
set(interface_headers "")
set(unread kernels/backend.h kernels/cuda/module.h)
while(unread)
  list(POP_FRONT unread header)
  if(header IN_LIST interface_headers)
    continue()
  endif()
  list(APPEND interface_headers ${header})
  file(STRINGS ${PROJECT_SOURCE_DIR}/${header} included REGEX "^#include \"")
  list(TRANSFORM included REPLACE "^#include \"([^\"]+)\".*$" "\\1")
  list(APPEND unread ${included})
endwhile()
list(TRANSFORM interface_headers PREPEND ${PROJECT_SOURCE_DIR}/)
frost_digest_of(interface_digest ${interface_headers})
set_property(GLOBAL PROPERTY FROST_INTERFACE_DIGEST ${interface_digest})
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${interface_headers})
set_property(SOURCE ${PROJECT_SOURCE_DIR}/kernels/backend_registry.cpp APPEND PROPERTY
             COMPILE_DEFINITIONS FROST_CUDA_MODULE_DIR="${cuda_module_dir}"
             FROST_CUDA_INSTALL_DIR="${CMAKE_INSTALL_FULL_LIBDIR}"
             FROST_INTERFACE_DIGEST="${interface_digest}")

macro(frost_no_cuda why)
  if(FROST_CUDA STREQUAL "ON")
    message(FATAL_ERROR "FROST_CUDA=ON, but ${why}")
  endif()
  message(STATUS "CUDA backend: not built (${why})")
  return()
endmacro()

if(NOT FROST_CUDA STREQUAL "ON" AND NOT FROST_CUDA STREQUAL "AUTO")
  message(STATUS "CUDA backend: not built (FROST_CUDA=${FROST_CUDA})")
  return()
endif()
if(FROST_SANITIZE)
  frost_no_cuda("FROST_SANITIZE is set: device code is checked by compute-sanitizer")
endif()
find_program(FROST_NVCC nvcc HINTS ENV CUDACXX ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES bin)
if(NOT FROST_NVCC)
  frost_no_cuda("nvcc is not found")
endif()
get_filename_component(toolkit_bin ${FROST_NVCC} DIRECTORY)
get_filename_component(toolkit ${toolkit_bin} DIRECTORY)
find_path(CUDNN_INCLUDE_DIR cudnn_backend.h HINTS ${toolkit} PATH_SUFFIXES include)
find_library(CUDNN_LIBRARY cudnn HINTS ${toolkit} PATH_SUFFIXES lib64 lib)
if(NOT CUDNN_INCLUDE_DIR OR NOT CUDNN_LIBRARY)
  frost_no_cuda("cuDNN is not found: set CUDNN_INCLUDE_DIR and CUDNN_LIBRARY")
endif()
file(STRINGS ${CUDNN_INCLUDE_DIR}/cudnn_version.h version_lines REGEX "define CUDNN_(MAJOR|MINOR) ")
string(REGEX REPLACE "[^0-9;]" "" cudnn_version "${version_lines}")
string(REPLACE ";" "." cudnn_version "${cudnn_version}")
if(cudnn_version VERSION_LESS 9.8)
  frost_no_cuda("cuDNN is ${cudnn_version}: 9.8 or later is needed")
endif()

if(FROST_CUDA_ARCHITECTURES STREQUAL "release")
  execute_process(COMMAND ${FROST_NVCC} --list-gpu-arch OUTPUT_VARIABLE known)
  set(CMAKE_CUDA_ARCHITECTURES "")
  foreach(arch IN ITEMS 80 86 89 90 100 120)
    if(known MATCHES "compute_${arch}\n")
      list(APPEND CMAKE_CUDA_ARCHITECTURES ${arch}-real)
      set(newest ${arch})
    endif()
  endforeach()
  list(APPEND CMAKE_CUDA_ARCHITECTURES ${newest}-virtual)
else()
  set(CMAKE_CUDA_ARCHITECTURES ${FROST_CUDA_ARCHITECTURES})
endif()
include(CheckLanguage)
set(ENV{CUDACXX} ${FROST_NVCC})
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  frost_no_cuda("${FROST_NVCC} does not work with ${CMAKE_CXX_COMPILER}")
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
if(CCACHE)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE})
endif()
# CMake 3.25 does not know how nvcc spells C++20.
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
  list(APPEND CMAKE_CUDA_COMPILE_FEATURES cuda_std_20)
endif()
set(CMAKE_CUDA_STANDARD 20)

# The module holds its own copy of what it needs from the kernels library: functions without global
# state. The ledger is a member of the backend, so there is one per backend.
file(GLOB_RECURSE cuda_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/cuda/*.cpp
     ${PROJECT_SOURCE_DIR}/kernels/cuda/*.cu)
add_library(frost_cuda_objects OBJECT ${cuda_sources} ${PROJECT_SOURCE_DIR}/kernels/memory_ledger.cpp)
target_include_directories(frost_cuda_objects PUBLIC ${PROJECT_SOURCE_DIR})
target_include_directories(frost_cuda_objects SYSTEM PUBLIC ${CUDAToolkit_INCLUDE_DIRS}
                           ${CUDNN_INCLUDE_DIR})
set_target_properties(frost_cuda_objects PROPERTIES CXX_VISIBILITY_PRESET hidden
                      CUDA_VISIBILITY_PRESET hidden)
# Our own options, with cuDNN's deprecated functions as errors. nvcc takes none of them.
set(cuda_cxx_options ${FROST_WARNINGS} -DCUDNN_WARN_DEPRECATED -Werror=deprecated-declarations)
target_compile_definitions(frost_cuda_objects PRIVATE FROST_INTERFACE_DIGEST="${interface_digest}")
target_compile_options(frost_cuda_objects PRIVATE
  "$<$<COMPILE_LANGUAGE:CXX>:${cuda_cxx_options}>"
  $<$<COMPILE_LANGUAGE:CUDA>:--extended-lambda -Xcompiler=-Wall,-Wextra>)
if(FROST_WERROR)
  target_compile_options(frost_cuda_objects PRIVATE
                         $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
endif()

set(cuda_libraries CUDA::cublasLt ${CUDNN_LIBRARY} CUDA::cudart_static)
add_library(frost_cuda MODULE)
target_link_libraries(frost_cuda PRIVATE frost_cuda_objects ${cuda_libraries})
target_link_options(frost_cuda PRIVATE -Wl,--no-undefined)
set_target_properties(frost_cuda PROPERTIES LINKER_LANGUAGE CXX
                      LIBRARY_OUTPUT_DIRECTORY ${cuda_module_dir})
message(STATUS "CUDA backend: ${CMAKE_CUDA_COMPILER_VERSION}, architectures "
        "${CMAKE_CUDA_ARCHITECTURES}, cuDNN ${cudnn_version} (${CUDNN_LIBRARY})")

# What looks inside the module is linked to its objects. Without a GPU the tests that need one are
# skipped with the reason; -L cuda selects all of them.
if(FROST_TESTS)
  enable_testing()
  include(GoogleTest)
  file(GLOB cuda_test_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/cuda/*.cpp)
  add_executable(frost_cuda_tests ${cuda_test_sources})
  target_compile_options(frost_cuda_tests PRIVATE ${cuda_cxx_options})
  target_link_libraries(frost_cuda_tests PRIVATE frost_cuda_objects ${cuda_libraries}
                        GTest::gtest_main)
  set_target_properties(frost_cuda_tests PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  gtest_discover_tests(frost_cuda_tests DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS cuda TIMEOUT 300)
endif()
