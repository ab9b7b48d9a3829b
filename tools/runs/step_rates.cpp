#include "tools/runs/step_rates.h"

#include <fmt/format.h>

#include <cmath>

#include "tools/reports/parameter_report.h"

namespace frost {
std::string duration_text(double seconds) {
  constexpr double kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  if (seconds <= 1) return "a second";
  if (seconds < 2 * kMinute) return fmt::format("{:.0f} seconds", std::ceil(seconds));
  if (seconds < 2 * kHour) return fmt::format("{:.0f} minutes", seconds / kMinute);
  if (seconds < 2 * kDay) return fmt::format("{:.1f} hours", seconds / kHour);
  return fmt::format("{:.1f} days", seconds / kDay);
}

StepRates step_rates(double steps, const UpdateTiming& timing) {
  return {steps / timing.collect_seconds, steps / timing.learn_seconds,
          steps / (timing.collect_seconds + timing.learn_seconds)};
}

std::optional<StepRates> SpeedMeter::add(double steps, const UpdateTiming& timing) {
  constexpr double kSeconds = 5;
  if (!warm_ || told_) {
    warm_ = true;
    return std::nullopt;
  }
  steps_ += steps;
  timing_.collect_seconds += timing.collect_seconds;
  timing_.learn_seconds += timing.learn_seconds;
  told_ = timing_.collect_seconds + timing_.learn_seconds >= kSeconds;
  return told_ ? std::optional(step_rates(steps_, timing_)) : std::nullopt;
}

std::string forecast_text(const StepRates& rates, std::int64_t steps) {
  const auto rate = [](double r) {
    return r < 10 ? fmt::format("{:.1f}", r) : with_thousands(std::llround(r));
  };
  return fmt::format("about {} steps/s (collecting {}, learning {}); {} steps in about {}",
                     rate(rates.overall), rate(rates.collect), rate(rates.update),
                     with_thousands(steps),
                     duration_text(static_cast<double>(steps) / rates.overall));
}

}  // namespace frost
