#include "tools/lab/study/study_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace frost {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double mean_of(const double* begin, const double* end) {
  return begin == end ? kNaN : std::accumulate(begin, end, 0.0) / static_cast<double>(end - begin);
}

/// The return while training, of the updates in which episodes ended.
struct ReturnCurve {
  std::vector<double> steps, value;

  explicit ReturnCurve(const StudyResult& r)
      : steps(r.metrics.column("charts/global_step")),
        value(r.metrics.column("charts/episodic_return")) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (std::isnan(value[i])) continue;
      steps[kept] = steps[i];
      value[kept++] = value[i];
    }
    steps.resize(kept);
    value.resize(kept);
  }
  /// Of these updates; one at least, where there is one.
  std::size_t quarter() const {
    return std::min(value.size(), std::max<std::size_t>(1, value.size() / 4));
  }
};

/// Mean return over the first or last quarter.
double early_return(const StudyResult& r) {
  const ReturnCurve c(r);
  return mean_of(c.value.data(), c.value.data() + c.quarter());
}
double late_return(const StudyResult& r) {
  const ReturnCurve c(r);
  const double* end = c.value.data() + c.value.size();
  return mean_of(end - c.quarter(), end);
}

/// Mean absolute change of the return from one update to the next.
double roughness(const StudyResult& r) {
  const std::vector<double> y = ReturnCurve(r).value;
  double sum = 0;
  for (std::size_t i = 1; i < y.size(); ++i) sum += std::abs(y[i] - y[i - 1]);
  return y.size() < 2 ? kNaN : sum / static_cast<double>(y.size() - 1);
}

/// Least-squares slope of the return over the second half, per 1,000 steps.
double late_slope(const StudyResult& r) {
  const ReturnCurve c(r);
  const std::vector<double>&y = c.value, &x = c.steps;
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
    if (!(r.evaluations.number("eval/success_rate", i) >= 0.9)) continue;
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

const std::vector<Quantity>& study_quantities() {
  static const std::vector<Quantity> quantities = {
      {"success, sampled", "%", [](const StudyResult& r) { return 100 * r.sampled.success; },
       [](const HeldOut& h) { return 100 * h.success; }, 100},
      {"success, argmax", "%", [](const StudyResult& r) { return 100 * r.argmax.success; }, nullptr,
       100},
      {"progress, sampled", "", [](const StudyResult& r) { return r.sampled.progress; },
       [](const HeldOut& h) { return h.progress; }, 1},
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
  const double most = quantity.most;
  if (most == 0 || runs.empty()) return {mean_interval(values), mean_interval(differences)};
  for (double& v : values) v /= most;
  MeanInterval value = share_interval(values, runs[0]->sampled.episodes);
  for (double* v : {&value.mean, &value.low, &value.high}) *v *= most;
  return {value, within(mean_interval(differences), -most, most)};
}

}  // namespace frost
