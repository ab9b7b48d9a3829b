# A room is one static library, frost_<name>, which others know as frost::<name>.

# Our own options on any target of ours, private to it.
function(frost_own target)
  target_compile_options(${target} PRIVATE ${FROST_WARNINGS})
  target_compile_definitions(${target} PRIVATE FROST_VERSION="${PROJECT_VERSION}")
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
endfunction()

# The headers as a user of the libraries includes them: <frostline/engine/tensor.h>.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include)
if(NOT EXISTS ${PROJECT_BINARY_DIR}/include/frostline)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/include/frostline SYMBOLIC)
endif()

# frost_room(NAME SOURCE...): the library of one room.
function(frost_room name)
  add_library(frost_${name} STATIC ${ARGN})
  add_library(frost::${name} ALIAS frost_${name})
  frost_own(frost_${name})
  target_compile_features(frost_${name} PUBLIC cxx_std_20)
  target_include_directories(
    frost_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                         $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
                         $<INSTALL_INTERFACE:include> $<INSTALL_INTERFACE:include/frostline>)
  set_target_properties(frost_${name} PROPERTIES EXPORT_NAME ${name})
endfunction()
