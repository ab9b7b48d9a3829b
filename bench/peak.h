#pragma once

namespace frost {

/// Fused multiply-adds in registers alone, GFLOP/s of `threads` threads together: what no kernel
/// compiled for the same instructions can exceed.
double fma_gflops(int threads);

}  // namespace frost
