#pragma once

namespace frost {

/// A closed interval.
struct Range {
  double low, high;
};

}  // namespace frost
