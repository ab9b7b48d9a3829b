#include "tools/images/picture_folder.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string>

#include "engine/io/printable.h"
#include "kernels/errors.h"
#include "tools/images/image.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

bool is_picture(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

/// Resized so that it covers `width` x `height`, and what is over on both sides cut off.
RgbImage covering(const RgbImage& image, int width, int height) {
  const double scale = std::max(static_cast<double>(width) / image.width,
                                static_cast<double>(height) / image.height);
  const auto side = [scale](int from, int least) {
    return std::max(least, static_cast<int>(std::lround(scale * from)));
  };
  const RgbImage large =
      resize_bilinear(image, side(image.width, width), side(image.height, height));
  const int left = (large.width - width) / 2, top = (large.height - height) / 2;
  RgbImage cut{width, height, {}};
  for (int row = top; row < top + height; ++row) {
    const auto begin =
        large.pixels.begin() + 3 * (static_cast<std::ptrdiff_t>(row) * large.width + left);
    cut.pixels.insert(cut.pixels.end(), begin, begin + 3 * width);
  }
  return cut;
}

}  // namespace

std::vector<RgbImage> load_picture_folder(const fs::path& folder, int width, int height) {
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (is_picture(entry.path())) files.push_back(entry.path());
  }
  if (error) {
    throw UsageError(full_path(folder) +
                     " cannot be read as a folder of pictures: " + error.message());
  }
  if (files.empty()) throw UsageError(full_path(folder) + " has no PNG or JPEG pictures");
  std::sort(files.begin(), files.end());
  std::vector<RgbImage> pictures;
  for (const fs::path& file : files) {
    pictures.push_back(covering(load_image(file), width, height));
  }
  return pictures;
}

}  // namespace frost
