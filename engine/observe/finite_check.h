#pragma once

#include "engine/observe/op_observer.h"

namespace frost {

/// While alive, stops at the first op of its thread whose output is not finite: it throws
/// NotFiniteError naming the op, its phase, the tensor and its first such element.
///
/// Infinities that an op gives on purpose pass. Every output is read on the host, so it is for
/// looking for a fault, not for whole trainings.
class FiniteCheck final : public OpObserver {
 public:
  void observe(const OpOutput& made) override;
};

}  // namespace frost
