#include "tools/lab/counts/counts_table.h"

#include <fmt/format.h>

#include "kernels/counts/device_count_fields.h"

namespace frost {

std::string counts_header(const GpuCard& card) {
  return fmt::format(
      "what the device is asked to do; time: the roofline of {}, in microseconds\n"
      "{:<31} {:>8} {:>8} {:>8} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>9} {:>9} "
      "{:>9} {:>8} {:>8} {:>8} {:>8} {:>9}\n",
      card.name, "", "launches", "kernels", "library", "fills", "copies", "graphs", "nodes",
      "waits", "up", "down", "alloc.", "plans", "KiB up", "MB moved", "GFLOP", "memory", "arith.",
      "issue", "waiting", "time");
}

std::string counts_rows(const std::string& label, const UpdateCounts& counts, const GpuCard& card) {
  std::string text;
  for (const UpdateCounts::Part& part : UpdateCounts::parts()) {
    const DeviceCounts& c = counts.*part.counts;
    const Roofline r = roofline(c, card, counts.precision);
    text += fmt::format(
        "{:<21} {:<9} {:>8} {:>8} {:>8} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} "
        "{:>9.1f} {:>9.1f} {:>9.2f} {:>8.0f} {:>8.0f} {:>8.0f} {:>8.0f} {:>9.0f}\n",
        label, part.name, c.launches(), c.kernels, c.library, c.fills, c.copies, c.graphs, c.nodes,
        c.waits, c.uploads, c.downloads, c.allocations, c.plans,
        static_cast<double>(c.bytes_uploaded) / 1024, static_cast<double>(c.bytes_moved()) / 1e6,
        2e-9 * static_cast<double>(c.multiplications), 1e6 * r.memory, 1e6 * r.arithmetic,
        1e6 * r.issue, 1e6 * r.waiting, 1e6 * r.total());
  }
  return text;
}

nlohmann::ordered_json counts_json(const UpdateCounts& counts, const GpuCard& card) {
  nlohmann::ordered_json json = {{"precision", counts.precision}, {"card", card.name}};
  for (const UpdateCounts::Part& part : UpdateCounts::parts()) {
    const DeviceCounts& c = counts.*part.counts;
    nlohmann::ordered_json& of_part = json[part.name];
    of_part["launches"] = c.launches();
    for (const DeviceCountField& field : kDeviceCountFields) of_part[field.name] = c.*field.value;
    of_part["bytes_moved"] = c.bytes_moved();
    const Roofline r = roofline(c, card, counts.precision);
    of_part["roofline"] = {{"memory", r.memory},
                           {"arithmetic", r.arithmetic},
                           {"issue", r.issue},
                           {"waiting", r.waiting},
                           {"total", r.total()}};
  }
  return json;
}

}  // namespace frost
