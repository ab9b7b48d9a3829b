#include "weights/preprocessing_record.h"

#include <gtest/gtest.h>

#include "tests/weights/weight_file_helpers.h"

namespace frost {
namespace {

using test::refuses;

TEST(Preprocessing, WithoutARecordItIsTorchvisionsAndGreyPicturesKeepTheirBits) {
  const Preprocessing p = read_preprocessing({{"source", "somewhere"}}, "f");
  EXPECT_EQ(p, Preprocessing{});
  EXPECT_EQ(p.resize, 256);
  EXPECT_EQ(p.crop, 224);
  EXPECT_EQ(p.grey_mean(), 0.449f);
  EXPECT_EQ(p.grey_deviation(), 0.226f);
}

TEST(Preprocessing, TheRecordComesBackBitForBit) {
  Preprocessing p;
  for (const char* assignment :
       {"input_range=0..255", "mean=0.1,0.2,0.30000001", "deviation=0.5 0.25 1e-3", "resize=235",
        "crop=200", "interpolation=bicubic", "channels=bgr"}) {
    set_preprocessing(p, assignment);
  }
  EXPECT_EQ(p.input_range, 255);
  EXPECT_EQ(p.mean[2], 0.30000001f);
  EXPECT_EQ(p.deviation[2], 1e-3f);
  EXPECT_EQ(p.channels, "bgr");
  Metadata metadata;
  write_preprocessing(p, metadata);
  EXPECT_EQ(metadata.at("preprocessing.deviation"), "0.5 0.25 0.001");
  EXPECT_EQ(read_preprocessing(metadata, "f"), p);
  EXPECT_NE(to_string(p).find("resize 235, crop 200, interpolation bicubic"), std::string::npos);
}

TEST(Preprocessing, WhatMakesNoSenseIsRefusedByName) {
  Preprocessing p;
  for (const char* assignment :
       {"mean=1,2", "mean=a b c", "mean=nan nan nan", "deviation=1 0 1", "resize=0", "crop=5000",
        "crop=12px", "interpolation=nearest", "channels=rbg", "input_range=0..2"}) {
    EXPECT_TRUE(refuses([&] { set_preprocessing(p, assignment); }, "expected")) << assignment;
    EXPECT_THROW(set_preprocessing(p, assignment), UsageError);
  }
  EXPECT_TRUE(refuses([&] { set_preprocessing(p, "size=3"); }, "input_range, mean, deviation"));
  EXPECT_TRUE(refuses([&] { set_preprocessing(p, "mean"); }, "KEY=VALUE"));
  EXPECT_EQ(p, Preprocessing{});
  EXPECT_TRUE(refuses(
      [&] {
        read_preprocessing({{"preprocessing.mean", "x\n"}}, "the.file");
      },
      "the.file: metadata preprocessing.mean is 'x\\x0a'"));
  EXPECT_TRUE(refuses(
      [&] {
        read_preprocessing({{"preprocessing.crop", "300"}}, "the.file");
      },
      "the.file: a crop of 300 pixels"));
}

TEST(Preprocessing, TimmsConfigurationSaysResizeByItsCropShare) {
  const Metadata a1 = {{"pretrained_cfg.mean", "0.5 0.5 0.5"},
                       {"pretrained_cfg.std", "0.25 0.25 0.25"},
                       {"pretrained_cfg.interpolation", "bicubic"},
                       {"pretrained_cfg.input_size", "3 224 224"},
                       {"pretrained_cfg.crop_pct", "0.95"}};
  const Preprocessing p = timm_preprocessing(a1, "f");
  EXPECT_EQ(p.resize, 235);
  EXPECT_EQ(p.crop, 224);
  EXPECT_EQ(p.interpolation, "bicubic");
  EXPECT_EQ(p.mean[0], 0.5f);
  EXPECT_EQ(p.deviation[2], 0.25f);
  EXPECT_EQ(timm_preprocessing({}, "f"), Preprocessing{});
  EXPECT_TRUE(refuses(
      [&] {
        timm_preprocessing({{"pretrained_cfg.crop_pct", "0"}}, "f");
      },
      "crop_pct '0'"));
  EXPECT_TRUE(refuses(
      [&] {
        timm_preprocessing({{"pretrained_cfg.input_size", "3 1e9 1e9"}}, "f");
      },
      "input_size"));
}

TEST(Preprocessing, WhatTimmSaysCanBeWrittenAndReadBack) {
  const auto read = [](const char* side, const char* share) {
    return timm_preprocessing({{"pretrained_cfg.input_size", std::string("3 ") + side + " " + side},
                               {"pretrained_cfg.crop_pct", share}},
                              "f");
  };
  Metadata metadata;
  write_preprocessing(read("4096", "1"), metadata);
  EXPECT_EQ(read_preprocessing(metadata, "f").resize, 4096);
  EXPECT_TRUE(refuses([&] { read("4096", "0.875"); }, "input_size '3 4096 4096', expected"));
  EXPECT_TRUE(refuses([&] { read("4096", "0.11"); }, "at most 4096 pixels, also over crop_pct"));
}

}  // namespace
}  // namespace frost
