# MPI as a module that the programs load on demand (rl/communicator/mpi/module.h), where several
# processes were started together; nothing of MPI is linked into them. FROST_MPI: ON needs MPI, AUTO
# builds the module where it is found, OFF never looks.
set(FROST_MPI "AUTO" CACHE STRING "MPI module: AUTO, ON or OFF")
set_property(CACHE FROST_MPI PROPERTY STRINGS AUTO ON OFF)

set(mpi_module_dir ${PROJECT_BINARY_DIR}/lib)
include(${PROJECT_SOURCE_DIR}/cmake/digest.cmake)
set(mpi_headers rl/communicator/communicator.h rl/communicator/mpi/module.h)
list(TRANSFORM mpi_headers PREPEND ${PROJECT_SOURCE_DIR}/)
frost_digest_of(mpi_digest ${mpi_headers})
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${mpi_headers})
set_property(SOURCE ${PROJECT_SOURCE_DIR}/rl/communicator/join.cpp APPEND PROPERTY
             COMPILE_DEFINITIONS FROST_MPI_MODULE_DIR="${mpi_module_dir}"
             FROST_MPI_INSTALL_DIR="${CMAKE_INSTALL_FULL_LIBDIR}" FROST_MPI_DIGEST="${mpi_digest}")

if(FROST_MPI STREQUAL "OFF")
  message(STATUS "MPI module: not built (FROST_MPI=OFF)")
  return()
endif()
set(MPI_CXX_SKIP_MPICXX ON)  # the bindings of C++ are gone from MPI
find_package(MPI COMPONENTS CXX)
if(NOT MPI_CXX_FOUND)
  if(FROST_MPI STREQUAL "ON")
    message(FATAL_ERROR "FROST_MPI=ON, but MPI is not found")
  endif()
  message(STATUS "MPI module: not built (MPI is not found)")
  return()
endif()

# Its own copy of what the programs have too, under hidden names: what it was compiled against.
add_library(frost_mpi MODULE ${PROJECT_SOURCE_DIR}/rl/communicator/mpi/mpi_communicator.cpp
            ${PROJECT_SOURCE_DIR}/rl/communicator/communicator.cpp)
frost_own(frost_mpi)
target_compile_features(frost_mpi PRIVATE cxx_std_20)
target_compile_definitions(frost_mpi PRIVATE FROST_MPI_DIGEST="${mpi_digest}")
target_link_libraries(frost_mpi PRIVATE MPI::MPI_CXX)
target_link_options(frost_mpi PRIVATE -Wl,--no-undefined)
set_target_properties(frost_mpi PROPERTIES CXX_VISIBILITY_PRESET hidden
                      LIBRARY_OUTPUT_DIRECTORY ${mpi_module_dir})
message(STATUS "MPI module: MPI ${MPI_CXX_VERSION} (${MPI_CXX_COMPILER})")
