#include "rl/envs/canvas.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace frost {
namespace {

constexpr Colour kWhite{255, 255, 255}, kBlack{0, 0, 0};

int red_at(const Canvas& canvas, int x, int y) {
  return canvas.image().pixels[3 * static_cast<std::size_t>(y * canvas.image().width + x)];
}

/// How much of a white canvas is black, in pixels.
double ink(const Canvas& canvas) {
  double sum = 0;
  for (const std::uint8_t value : canvas.image().pixels) sum += (255 - value) / 255.0;
  return sum / 3;
}

TEST(Canvas, ADiscCoversItsAreaWithSmoothEdges) {
  Canvas canvas(40, 40, kWhite);
  canvas.disc(20.3, 19.6, 9, kBlack);
  EXPECT_NEAR(ink(canvas), M_PI * 81, 2);
  EXPECT_EQ(red_at(canvas, 20, 19), 0);
  EXPECT_EQ(red_at(canvas, 20, 5), 255);
  const auto& pixels = canvas.image().pixels;
  EXPECT_GT(std::count_if(pixels.begin(), pixels.end(), [](auto v) { return v > 9 && v < 246; }),
            60);
}

TEST(Canvas, ALineAndARingCoverLengthTimesWidth) {
  Canvas line(60, 60, kWhite);
  line.line(10, 15, 40, 45, 3, kBlack);
  EXPECT_NEAR(ink(line), 3 * std::hypot(30, 30) + M_PI * 1.5 * 1.5, 2);
  Canvas ring(60, 60, kWhite);
  ring.ring(30, 30, 15, 2, kBlack);
  EXPECT_NEAR(ink(ring), 2 * M_PI * 15 * 2, 2);
  EXPECT_EQ(red_at(ring, 30, 30), 255);
}

TEST(Canvas, ABoxBlendsThePixelsThatItCoversInPart) {
  Canvas canvas(20, 20, kWhite);
  canvas.box(4.25, 6, 5.5, 4, kBlack);
  EXPECT_NEAR(ink(canvas), 5.5 * 4, 0.1);
  EXPECT_NEAR(red_at(canvas, 4, 7), 255 * 0.25, 1);
  EXPECT_EQ(red_at(canvas, 5, 7), 0);
  EXPECT_NEAR(red_at(canvas, 9, 7), 255 * 0.25, 1);
  EXPECT_EQ(red_at(canvas, 5, 5), 255);
  const RgbImage drawn = canvas.image();
  EXPECT_EQ(Canvas(drawn).take().pixels, drawn.pixels);
}

TEST(Canvas, ALineWithoutLengthIsADot) {
  Canvas canvas(20, 20, kWhite);
  canvas.line(10, 10, 10, 10, 4, kBlack);
  EXPECT_NEAR(ink(canvas), M_PI * 4, 0.6);
}

TEST(Canvas, WhatLiesOutsideIsNotDrawn) {
  Canvas canvas(10, 10, kWhite);
  canvas.disc(-50, 5, 20, kBlack);
  canvas.rectangle(10, 0, 5, 5, kBlack);
  canvas.rectangle(-5, -5, 4, 4, kBlack);
  canvas.line(0, 1e9, 10, 1e9, 3, kBlack);
  canvas.text(0, 200, "below", kBlack);
  EXPECT_EQ(ink(canvas), 0);
  canvas.rectangle(-5, -5, 100, 100, kBlack);
  EXPECT_EQ(ink(canvas), 100);
}

TEST(Canvas, TextLeavesInkWhereItStandsAndCharactersOutsideTheFaceShowAsQuestionMarks) {
  Canvas text(100, 20, kWhite), other(100, 20, kWhite), questions(100, 20, kWhite);
  text.text(10, 4, "step 12", kBlack);
  EXPECT_GT(ink(text), 40);
  for (int y = 0; y < 20; ++y) {
    EXPECT_EQ(red_at(text, 9, y), 255);
    EXPECT_EQ(red_at(text, 70, y), 255);
  }
  other.text(0, 0, "\xc3\xa9\n~", kBlack);
  questions.text(0, 0, "???~", kBlack);
  EXPECT_EQ(other.image().pixels, questions.image().pixels);
}

TEST(Canvas, MixedColoursLieBetween) {
  const Colour half = mixed({0, 100, 255}, {255, 200, 0}, 0.5);
  EXPECT_EQ(half.red, 128);
  EXPECT_EQ(half.green, 150);
  EXPECT_EQ(half.blue, 128);
}

}  // namespace
}  // namespace frost
