#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/lab/counts/gpu_card.h"
#include "tools/lab/counts/update_counts.h"

namespace frost {

/// A line per part of an update, and over them what the columns are.
std::string counts_header(const GpuCard& card);
std::string counts_rows(const std::string& label, const UpdateCounts& counts, const GpuCard& card);
/// Precision and card, and by part: every count, launches, bytes moved and the roofline's seconds
/// on the card.
nlohmann::ordered_json counts_json(const UpdateCounts& counts, const GpuCard& card);

}  // namespace frost
