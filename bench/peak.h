#pragma once

namespace frost {

/// Fused multiply-adds in registers alone, GFLOP/s of all threads of the budget together: what no
/// kernel of the chosen level can exceed.
double fma_gflops();

}  // namespace frost
