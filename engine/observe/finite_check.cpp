#include "engine/observe/finite_check.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/errors.h"

namespace frost {

void FiniteCheck::observe(const OpOutput& made) {
  const std::vector<float> values = made.tensor.to_host();
  const auto bad = std::find_if(values.begin(), values.end(), [&](float v) {
    return made.may_be_infinite ? std::isnan(v) : !std::isfinite(v);
  });
  if (bad == values.end()) return;
  // The sign of a NaN means nothing.
  const char* const value = std::isnan(*bad) ? "NaN" : *bad > 0 ? "infinity" : "-infinity";
  throw NotFiniteError(made.description() + " is " + value + " at element " +
                       std::to_string(bad - values.begin()));
}

}  // namespace frost
