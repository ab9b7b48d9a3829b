#pragma once

#include <cstddef>

#include "rl/communicator/communicator.h"

// The one door between the programs and libfrost_mpi.so. Needs no MPI header.
namespace frost {

/// A digest of rl/communicator/communicator.h and this file: program and module must agree on them.
#ifdef FROST_MPI_DIGEST
inline constexpr const char* kMpiDigest = FROST_MPI_DIGEST;
#else
inline constexpr const char* kMpiDigest = "";
#endif

/// What the module offers. Texts are cut to `size` bytes, the end mark included.
struct MpiModule {
  const char* digest;
  /// The processes that were started together, or null and the cause; to be deleted before the
  /// program ends. Once only.
  Communicator* (*join)(char* reason, std::size_t size);
};

inline constexpr const char* kMpiModuleFile = "libfrost_mpi.so";
inline constexpr const char* kMpiModuleEntry = "frost_mpi_module";
using MpiModuleEntry = const MpiModule* (*)();

}  // namespace frost
