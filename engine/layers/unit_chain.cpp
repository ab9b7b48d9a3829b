#include "engine/layers/unit_chain.h"

#include <algorithm>

namespace frost {

bool UnitChain::trains(int unit) const {
  const std::vector<Tensor> tensors = unit_tensors(unit);
  return std::any_of(tensors.begin(), tensors.end(),
                     [](const Tensor& t) { return t.requires_grad(); });
}

int UnitChain::frozen_units() const {
  int unit = 0;
  while (unit < units() && !trains(unit)) ++unit;
  return unit;
}

}  // namespace frost
