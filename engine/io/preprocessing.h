#pragma once

#include <array>
#include <string>

namespace frost {

/// How a picture becomes the input of a network; without changes as torchvision's ResNets want it.
///
/// The shorter side of an 8-bit picture is resized to `resize`, `crop` x `crop` pixels are cut from
/// the middle, and (value / 255 - mean) / deviation is taken per channel, in the order `channels`.
struct Preprocessing {
  /// The largest value of what the network's own loader is given, 1 or 255: mean and deviation are
  /// those of values divided by it. Exported networks take their pictures in this range.
  int input_range = 1;
  std::array<float, 3> mean = {0.485F, 0.456F, 0.406F};
  std::array<float, 3> deviation = {0.229F, 0.224F, 0.225F};  ///< above 0
  int resize = 256;                                           ///< at least `crop`
  int crop = 224;
  std::string interpolation = "bilinear";  ///< bilinear | bicubic, both with antialiasing
  std::string channels = "rgb";            ///< rgb | bgr; mean and deviation are in this order

  /// Of a picture of one channel, which stands for three equal ones: the average over the channels.
  float grey_mean() const { return average(mean); }
  float grey_deviation() const { return average(deviation); }

  bool operator==(const Preprocessing&) const = default;

 private:
  static float average(const std::array<float, 3>& values) {
    return static_cast<float>((double{values[0]} + values[1] + values[2]) / 3);
  }
};

}  // namespace frost
