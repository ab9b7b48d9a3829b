#pragma once

#include <gif_lib.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "tools/images/image.h"

namespace frost::test {

/// What a GIF file shows.
struct GifFile {
  std::vector<RgbImage> frames;
  std::vector<int> centiseconds;
  bool repeats = false;
};

/// Decodes a file with libgif, each frame on top of the one before; expects frames that cover the
/// screen.
inline GifFile read_gif(const std::filesystem::path& path) {
  GifFile file;
  int fault = 0;
  GifFileType* gif = DGifOpenFileName(path.c_str(), &fault);
  if (gif == nullptr || DGifSlurp(gif) != GIF_OK) {
    ADD_FAILURE() << path << ": " << GifErrorString(gif == nullptr ? fault : gif->Error);
    return file;
  }
  for (int i = 0; i < gif->ImageCount; ++i) {
    const SavedImage& saved = gif->SavedImages[i];
    EXPECT_EQ(saved.ImageDesc.Width, gif->SWidth);
    EXPECT_EQ(saved.ImageDesc.Height, gif->SHeight);
    GraphicsControlBlock control{};
    EXPECT_EQ(DGifSavedExtensionToGCB(gif, i, &control), GIF_OK);
    RgbImage frame{gif->SWidth, gif->SHeight, {}};
    if (i > 0) frame = file.frames.back();
    frame.pixels.resize(3 * static_cast<std::size_t>(frame.width * frame.height));
    for (std::size_t p = 0; p < frame.pixels.size() / 3; ++p) {
      if (saved.RasterBits[p] == control.TransparentColor) continue;
      const GifColorType& c = saved.ImageDesc.ColorMap->Colors[saved.RasterBits[p]];
      frame.pixels[3 * p] = c.Red;
      frame.pixels[3 * p + 1] = c.Green;
      frame.pixels[3 * p + 2] = c.Blue;
    }
    file.frames.push_back(std::move(frame));
    file.centiseconds.push_back(control.DelayTime);
    for (int e = 0; e < saved.ExtensionBlockCount; ++e) {
      file.repeats |= saved.ExtensionBlocks[e].Function == APPLICATION_EXT_FUNC_CODE;
    }
  }
  DGifCloseFile(gif, &fault);
  return file;
}

}  // namespace frost::test
