#pragma once

#include <vector>

#include "engine/module.h"

namespace frost {

/// A network that is a chain of units: what unit u yields is what unit u + 1 reads.
///
/// Cutting it between two units is what lets a frozen beginning be run once and kept
/// (models/frozen_prefix.h).
class UnitChain : public Module {
 public:
  virtual int units() const = 0;
  /// Units begin .. end, the last excluded, of what enters unit `begin`, [n, ...].
  virtual Tensor forward(const Tensor& x, int begin, int end) = 0;
  /// Unit `begin` and all behind it.
  Tensor forward(const Tensor& x, int begin = 0) { return forward(x, begin, units()); }
  /// Everything that one unit computes from, parameters and buffers, the same tensors at every
  /// call; none for a fixed function.
  virtual std::vector<Tensor> unit_tensors(int unit) const = 0;
  /// Shape, without the batch, of what enters `unit` where `input` enters unit 0; for `units()`,
  /// of what the chain yields.
  virtual Shape unit_input(int unit, const Shape& input) const = 0;
};

}  // namespace frost
