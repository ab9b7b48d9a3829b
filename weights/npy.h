#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace frost {

/// An array of NumPy's .npy format in memory: row-major; an empty shape is a scalar.
struct NpyArray {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// Reads a .npy file of version 1.0 or 2.0 with little-endian float32 or float64 values in C order
/// (NumPy NEP 1); float64 rounds to nearest even. Throws Error with one line (file, fault, remedy)
/// for any other content, for sizes that disagree with the file's and for finite values beyond
/// float32.
NpyArray read_npy(const std::filesystem::path& path);

/// Writes float32 values as .npy version 1.0, atomically.
/// Throws Error where the shape does not match the values or the file cannot be written.
void write_npy(const std::filesystem::path& path, const NpyArray& array);

}  // namespace frost
