#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "rl/metrics.h"
#include "weights/safetensors.h"

namespace frost {

/// Expects the same tensors, bit for bit, under the same names.
inline void expect_same_checkpoint(const SafetensorsFile& got, const SafetensorsFile& want) {
  EXPECT_EQ(got.metadata, want.metadata);
  ASSERT_EQ(got.tensors.size(), want.tensors.size());
  for (const auto& [name, tensor] : want.tensors) {
    ASSERT_TRUE(got.tensors.contains(name)) << name;
    EXPECT_EQ(got.tensors.at(name).bytes, tensor.bytes) << name;
  }
}

/// Expects the same numbers, bit for bit, under the same names; NaN equals NaN.
inline void expect_same_metrics(const Metrics& got, const Metrics& want) {
  ASSERT_EQ(got.values().size(), want.values().size());
  for (std::size_t i = 0; i < want.values().size(); ++i) {
    const auto& [name, value] = want.values()[i];
    EXPECT_EQ(got.values()[i].first, name);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(got.values()[i].second),
              std::bit_cast<std::uint64_t>(value))
        << name << ": " << got.values()[i].second << " is not " << value;
  }
}

}  // namespace frost
