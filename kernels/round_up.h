#pragma once

#include <type_traits>

namespace frost {

/// The smallest multiple of `unit` that is not below `n`.
template <class T>
constexpr T round_up(T n, std::type_identity_t<T> unit) {
  return (n + unit - 1) / unit * unit;
}

}  // namespace frost
