#pragma once

#include <filesystem>
#include <string>

namespace frost {

/// A page about the run in `folder`, from its tables, run.json and config.yaml: curves of return,
/// success, losses, entropy, rates, gradient norms, speed and memory. Self-contained, no script.
/// `summary` is text to stand above the curves, `animation` a GIF to stand below them; either may
/// be empty. Throws Error where metrics.csv or timing.csv cannot be read.
std::string run_report_html(const std::filesystem::path& folder, const std::string& summary,
                            const std::string& animation);

}  // namespace frost
