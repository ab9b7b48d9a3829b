#include "tools/lab/freeze_bench_html.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "frost_commit.h"
#include "tools/reports/html.h"
#include "tools/reports/parameter_report.h"

namespace frost {
namespace {

constexpr const char* kStyle =
    "td:first-child,th:first-child{white-space:nowrap}.bar{display:flex;height:1.1em;width:26em}"
    ".bar i{display:block}"
    ".key i{display:inline-block;width:.9em;height:.9em;margin:0 .3em 0 1em;vertical-align:-1px}";

struct Part {
  MemoryTag tag;
  const char* colour;
};

constexpr std::array<Part, 8> kParts = {{{MemoryTag::kParameters, "#9db4c8"},
                                         {MemoryTag::kPacked, "#5d86a8"},
                                         {MemoryTag::kGradients, "#e08e6d"},
                                         {MemoryTag::kOptimizer, "#c3573c"},
                                         {MemoryTag::kSaved, "#8b6bb1"},
                                         {MemoryTag::kWorkspace, "#c9b458"},
                                         {MemoryTag::kFeatureCache, "#5aa469"},
                                         {MemoryTag::kRollout, "#2f6f4f"}}};

const char* name_of(MemoryTag tag) {
  return kMemoryTagNames[static_cast<std::size_t>(tag)];
}

double mib(std::int64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

std::string speed_table(const std::vector<BenchRow>& rows,
                        const std::vector<const BenchRow*>& part) {
  double fastest = 0;
  for (const BenchRow* row : part) fastest = std::max(fastest, row->median().overall);
  std::string html =
      "<table><tr><th>mode</th><th></th><th>steps/s</th><th>range</th><th>/ none</th>"
      "<th>arithmetic limit</th></tr>\n";
  for (const BenchRow* row : part) {
    const BenchRow* base = base_of(rows, *row);
    const double overall = row->median().overall;
    html += fmt::format(
        "<tr><td>{}</td><td><div class=bar><i style=\"width:{:.2f}%;background:#5d86a8\"></i>"
        "</div></td><td>{:.1f}</td><td>{:.1f}-{:.1f}</td><td>{}</td><td>{}</td></tr>\n",
        row->label(), 100 * overall / fastest, overall, row->least().overall, row->most().overall,
        base == nullptr ? "" : fmt::format("{:.2f}", overall / base->median().overall),
        base == nullptr ? "" : row->limit(*base));
  }
  return html + "</table>\n";
}

std::string memory_bar(const BenchRow& row, double scale) {
  std::string html = "<div class=bar>";
  for (const Part& p : kParts) {
    html += fmt::format("<i title=\"{} {:.1f} MiB\" style=\"width:{:.2f}%;background:{}\"></i>",
                        name_of(p.tag), mib(row.bytes.peak_of(p.tag)),
                        scale * mib(row.bytes.peak_of(p.tag)), p.colour);
  }
  return html + "</div>";
}

std::string memory_table_html(const std::vector<BenchRow>& rows,
                              const std::vector<const BenchRow*>& part) {
  const auto sum = [](const BenchRow& row) {
    double total = 0;
    for (const Part& p : kParts) total += mib(row.bytes.peak_of(p.tag));
    return total;
  };
  double largest = 0;
  for (const BenchRow* row : part) largest = std::max(largest, sum(*row));
  std::string html = "<p class=key>";
  for (const Part& p : kParts) {
    html += fmt::format("<i style=\"background:{}\"></i>{}", p.colour, name_of(p.tag));
  }
  html +=
      "</p>\n<table><tr><th>mode</th><th></th><th>peak MiB</th><th>/ none</th>"
      "<th>trainable</th><th>body keeps per image</th></tr>\n";
  for (const BenchRow* row : part) {
    const BenchRow* base = base_of(rows, *row);
    html += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{:.1f}</td><td>{}</td><td>{}</td><td>{:.0f} B</td></tr>\n",
        row->label(), memory_bar(*row, 100 / largest), mib(row->bytes.peak_total),
        base == nullptr ? ""
                        : fmt::format("{:.2f}", static_cast<double>(row->bytes.peak_total) /
                                                    static_cast<double>(base->bytes.peak_total)),
        with_thousands(row->trainable), row->saved_body);
  }
  return html + "</table>\n";
}

}  // namespace

std::string bench_html(const std::vector<BenchRow>& rows, const BenchWorkload& workload,
                       const std::string& device) {
  std::string html =
      fmt::format("<style>{}</style>\n<p>{}<br>Device: {}<br>Commit: {}</p>\n", kStyle,
                  html_escape(workload.text()), html_escape(device), FROST_COMMIT);
  for (const ObservationKind kind : {ObservationKind::kImage, ObservationKind::kGraph}) {
    std::vector<const BenchRow*> part;
    for (const BenchRow& row : rows) {
      if (row.what.observation == kind) part.push_back(&row);
    }
    if (part.empty()) continue;
    html += fmt::format(
        "<h2>{} observations: speed</h2>\n{}<h2>{} observations: memory, peak of each "
        "category</h2>\n{}",
        to_string(kind), speed_table(rows, part), to_string(kind), memory_table_html(rows, part));
  }
  html +=
      "<p>The guide of the original project promises 1.5-2 times the speed and 50-70 % less "
      "memory for a wholly frozen body.</p>\n";
  return html_page("What freezing costs", html);
}

}  // namespace frost
