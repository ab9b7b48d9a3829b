#pragma once

#include <vector>

#include "kernels/compute_options.h"
#include "tests/op_table/op_cases.h"

namespace frost {

/// The precisions in which a backend computes products, fp32 first.
std::vector<MathMode> precisions_of(Backend& backend);

/// A backend in another precision while this lives, in fp32 again afterwards.
class PrecisionScope {
 public:
  PrecisionScope(Backend& backend, MathMode math);
  ~PrecisionScope();
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

 private:
  Backend& backend_;
};

/// The row's tolerances, wider where its products round their operands: to 11 significant bits in
/// tf32, to 8 in bf16, where a convolution's result is rounded as well. A rounded value may lie on
/// the other side of a kink, and then its whole gradient counts as error.
double output_tolerance(const OpCase& row, MathMode math);
double gradient_tolerance(const OpCase& row, MathMode math);

}  // namespace frost
