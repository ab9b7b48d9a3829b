#pragma once

#include <vector_types.h>

#include <cstdint>
#include <functional>

namespace frost::gpu_double {

/// Indices of the device thread that runs now.
extern uint3 thread_index, block_index;

/// What all lanes of a warp do together.
enum class Collective { kSync, kShuffleXor, kBallot };

/// Runs `body` once for every thread of every block, each thread on a stack of its own as long as
/// it waits for others. Blocks, warps and the lanes of a warp come in an order drawn from the seed,
/// shared memory is filled with 0xFF before each block. A `violation` where a barrier or a
/// collective is not reached by all who must, and for a grid that no GPU takes.
void run_grid(dim3 grid, dim3 block, const std::function<void()>& body);

/// Has these bytes filled with 0xFF, now and before each block. Returns true.
bool add_shared_memory(char* begin, char* end);

/// __syncthreads: waits for all threads of the block.
void barrier();
/// A collective of a whole warp; the result for this lane.
std::uint64_t exchange(Collective what, unsigned mask, std::uint64_t value, int argument);

}  // namespace frost::gpu_double
