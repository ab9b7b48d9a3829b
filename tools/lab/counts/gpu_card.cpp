#include "tools/lab/counts/gpu_card.h"

#include <algorithm>

#include "kernels/errors.h"

namespace frost {

const std::vector<GpuCard>& gpu_cards() {
  static const std::vector<GpuCard> cards = {
      {"rtx3060", 360e9, 12.7e12, 12.7e12, 25.5e12, 32e9},
      {"a100", 2039e9, 19.5e12, 156e12, 312e12, 32e9},
      {"h100", 3350e9, 67e12, 495e12, 989e12, 64e9},
      {"h200", 4800e9, 67e12, 495e12, 989e12, 64e9},
  };
  return cards;
}

std::vector<std::string> gpu_card_names() {
  std::vector<std::string> names;
  for (const GpuCard& card : gpu_cards()) names.emplace_back(card.name);
  return names;
}

const GpuCard& find_gpu_card(const std::string& name) {
  std::string known;
  for (const GpuCard& card : gpu_cards()) {
    if (card.name == name) return card;
    known += std::string(known.empty() ? "" : ", ") + card.name;
  }
  throw UsageError("no figures of a card '" + name + "': use one of " + known);
}

double Roofline::total() const {
  return std::max({memory, arithmetic, issue}) + waiting;
}

Roofline roofline(const DeviceCounts& counts, const GpuCard& card, const std::string& precision) {
  const double peak = precision == "fp32" ? card.fp32 : precision == "tf32" ? card.tf32 : card.bf16;
  const auto number = [](std::int64_t n) { return static_cast<double>(n); };
  return {number(counts.bytes_moved()) / card.bandwidth, 2 * number(counts.multiplications) / peak,
          number(counts.launches()) * kLaunchSeconds + number(counts.nodes) * kNodeSeconds,
          number(counts.waits) * kWaitSeconds +
              number(counts.bytes_uploaded + counts.bytes_downloaded) / card.bus};
}

}  // namespace frost
