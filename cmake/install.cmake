# cmake --install, and what find_package(frostline COMPONENTS ...) finds then. A component is a room.
include(CMakePackageConfigHelpers)

set(FROST_ROOMS kernels engine weights models rl)
set(FROST_TOOL_ROOMS cli config images reports runs)
set(FROST_INSTALLED_ROOMS ${FROST_ROOMS})

# frost_install(TARGET FOLDER): the library and its headers, without those of inner folders.
function(frost_install target folder)
  install(TARGETS ${target} EXPORT frostline ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder}/
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/frostline/${folder}
          FILES_MATCHING PATTERN "*.h" PATTERN kernels/cpu EXCLUDE PATTERN kernels/cuda EXCLUDE
          PATTERN weights/torch_archive EXCLUDE PATTERN rl/communicator/mpi EXCLUDE)
endfunction()

foreach(room IN LISTS FROST_ROOMS)
  frost_install(frost_${room} ${room})
endforeach()
# What a plugin needs: a target that is headers alone, and what they were.
list(APPEND FROST_INSTALLED_ROOMS plugin)
install(TARGETS frost_plugin EXPORT frostline)
install(FILES ${PROJECT_BINARY_DIR}/generated/rl/plugin/plugin_abi.h
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/frostline/rl/plugin)
if(FROST_PROGRAMS)
  list(APPEND FROST_INSTALLED_ROOMS ${FROST_TOOL_ROOMS})
  foreach(room IN LISTS FROST_TOOL_ROOMS)
    frost_install(frost_${room} tools/${room})
  endforeach()
  get_property(programs GLOBAL PROPERTY FROST_PROGRAM_TARGETS)
  install(TARGETS ${programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(TARGET frost_mpi)
  install(TARGETS frost_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
if(TARGET frost_cuda)
  install(TARGETS frost_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/frostline)
install(EXPORT frostline NAMESPACE frost:: FILE frostline-targets.cmake DESTINATION ${package_dir})
configure_package_config_file(cmake/frostline-config.cmake.in
                              ${PROJECT_BINARY_DIR}/frostline-config.cmake
                              INSTALL_DESTINATION ${package_dir})
# Before 1.0 a new minor version may change anything.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/frostline-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/frostline-config.cmake
              ${PROJECT_BINARY_DIR}/frostline-config-version.cmake DESTINATION ${package_dir})
