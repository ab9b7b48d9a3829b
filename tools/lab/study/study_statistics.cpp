#include "tools/lab/study/study_statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace frost {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// The 97.5 % quantile of Student's t, by degrees of freedom from 1 on; beyond, the normal's.
double t_quantile(std::size_t freedom) {
  constexpr std::array<double, 20> kTable = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365,
                                             2.306,  2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
                                             2.131,  2.120, 2.110, 2.101, 2.093, 2.086};
  return freedom <= kTable.size() ? kTable[freedom - 1] : 1.96;
}

double mean_of(const double* begin, const double* end) {
  return begin == end ? kNaN : std::accumulate(begin, end, 0.0) / static_cast<double>(end - begin);
}

std::vector<double> returns(const StudyResult& r) {
  return r.metrics.column("charts/episodic_return");
}

/// Mean return while training, over the first or last quarter of the updates.
double early_return(const StudyResult& r) {
  const std::vector<double> y = returns(r);
  return mean_of(y.data(), y.data() + std::max<std::size_t>(1, y.size() / 4));
}
double late_return(const StudyResult& r) {
  const std::vector<double> y = returns(r);
  return mean_of(y.data() + y.size() - std::max<std::size_t>(1, y.size() / 4), y.data() + y.size());
}

/// Mean absolute change of the return from one update to the next.
double roughness(const StudyResult& r) {
  const std::vector<double> y = returns(r);
  double sum = 0;
  for (std::size_t i = 1; i < y.size(); ++i) sum += std::abs(y[i] - y[i - 1]);
  return y.size() < 2 ? kNaN : sum / static_cast<double>(y.size() - 1);
}

/// Least-squares slope of the return over the second half of training, per 1,000 steps.
double late_slope(const StudyResult& r) {
  const std::vector<double> y = returns(r), x = r.metrics.column("charts/global_step");
  const std::size_t half = y.size() / 2, n = y.size() - half;
  const double mx = mean_of(x.data() + half, x.data() + x.size());
  const double my = mean_of(y.data() + half, y.data() + y.size());
  double xy = 0, xx = 0;
  for (std::size_t i = half; i < y.size(); ++i) {
    xy += (x[i] - mx) * (y[i] - my);
    xx += (x[i] - mx) * (x[i] - mx);
  }
  return n < 2 ? kNaN : 1000 * xy / xx;
}

/// Steps at the first evaluation with at least 90 % success; NaN where there is none.
double steps_to_success(const StudyResult& r) {
  for (std::size_t i = 0; i < r.evaluations.rows(); ++i) {
    if (r.evaluations.number("eval/success_rate", i) < 0.9) continue;
    const auto update = static_cast<std::size_t>(r.evaluations.number("update", i));
    return r.metrics.number("charts/global_step", update - 1);
  }
  return kNaN;
}

double train_seconds(const StudyResult& r) {
  return r.seconds().back();
}
double steps_per_second(const StudyResult& r) {
  return r.metrics.column("charts/global_step").back() / train_seconds(r);
}

double peak(const StudyResult& r, const std::string& tag) {
  const std::vector<double> bytes = r.timing.column("memory_peak/" + tag);
  return *std::max_element(bytes.begin(), bytes.end()) / (1 << 20);
}
double peak_total(const StudyResult& r) {
  return peak(r, "total");
}
double gradients_and_moments(const StudyResult& r) {
  return peak(r, "gradients") + peak(r, "optimizer");
}
double saved(const StudyResult& r) {
  return peak(r, "saved");
}

}  // namespace

MeanInterval mean_interval(const std::vector<double>& values) {
  std::vector<double> kept;
  std::copy_if(values.begin(), values.end(), std::back_inserter(kept),
               [](double v) { return !std::isnan(v); });
  MeanInterval result{static_cast<int>(kept.size()), kNaN, kNaN, kNaN};
  if (kept.empty()) return result;
  result.mean = mean_of(kept.data(), kept.data() + kept.size());
  if (kept.size() < 2) return result;
  double squares = 0;
  for (const double v : kept) squares += (v - result.mean) * (v - result.mean);
  const auto n = static_cast<double>(kept.size());
  const double half = t_quantile(kept.size() - 1) * std::sqrt(squares / (n - 1) / n);
  result.low = result.mean - half;
  result.high = result.mean + half;
  return result;
}

const std::vector<Quantity>& study_quantities() {
  static const std::vector<Quantity> quantities = {
      {"success, sampled", "%", [](const StudyResult& r) { return 100 * r.sampled.success; },
       [](const HeldOut& h) { return 100 * h.success; }},
      {"success, argmax", "%", [](const StudyResult& r) { return 100 * r.argmax.success; }},
      {"progress, sampled", "", [](const StudyResult& r) { return r.sampled.progress; },
       [](const HeldOut& h) { return h.progress; }},
      {"return, sampled", "", [](const StudyResult& r) { return r.sampled.episode_return; },
       [](const HeldOut& h) { return h.episode_return; }},
      {"median success, sampled", "steps",
       [](const StudyResult& r) { return r.sampled.median_steps; },
       [](const HeldOut& h) { return h.median_steps; }},
      {"median success, argmax", "steps",
       [](const StudyResult& r) { return r.argmax.median_steps; }},
      {"steps to 90 % success", "steps", steps_to_success},
      {"return, first quarter", "", early_return},
      {"return, last quarter", "", late_return},
      {"slope of the return, second half", "per 1,000 steps", late_slope},
      {"roughness of the return", "", roughness},
      {"training time", "s", train_seconds},
      {"speed", "steps/s", steps_per_second},
      {"peak memory", "MiB", peak_total},
      {"gradients and moments", "MiB", gradients_and_moments},
      {"saved activations", "MiB", saved},
  };
  return quantities;
}

std::vector<const StudyResult*> runs_of(const StudyResults& results, const std::string& variant,
                                        const std::string& freeze_mode) {
  std::vector<const StudyResult*> runs;
  for (const StudyResult& r : results.runs) {
    if (r.run.variant == variant && r.run.freeze_mode == freeze_mode) runs.push_back(&r);
  }
  return runs;
}

Summary summarise(const Quantity& quantity, const std::vector<const StudyResult*>& runs,
                  const std::vector<const StudyResult*>& base) {
  std::vector<double> values, differences;
  for (const StudyResult* r : runs) {
    values.push_back(quantity.of(*r));
    for (const StudyResult* b : base) {
      if (b->run.seed == r->run.seed) differences.push_back(values.back() - quantity.of(*b));
    }
  }
  return {mean_interval(values), mean_interval(differences)};
}

}  // namespace frost
