#include <stdexcept>

#include "rl/plugin/environment_plugin.h"

namespace {

/// Throws in the function that the option `in` names, `step` from the third step on; with `odd`,
/// what is no exception.
class Failing : public frost::Environment {
 public:
  explicit Failing(const frost::EnvironmentOptions& options)
      : Environment(describe()), in_(options.text("in", "")), odd_(options.flag("odd", false)) {
    fail_in("make");
  }

  void reset(std::uint64_t) override { fail_in("reset"); }
  frost::StepResult step(const frost::Action&) override {
    if (++steps_ == 3) fail_in("step");
    frost::StepResult result;
    result.reward = {0.0};
    return result;
  }
  frost::Observation observe() const override {
    fail_in("observe");
    return frost::VectorObservation{{0.0f}};
  }
  int episode_steps() const override { return steps_; }
  std::vector<std::uint8_t> save_state() const override {
    fail_in("save_state");
    return {};
  }
  void load_state(const std::vector<std::uint8_t>&) override { fail_in("load_state"); }
  frost::RgbImage render(const frost::RenderRequest&) const override {
    fail_in("render");
    return {};
  }

 private:
  static frost::EnvironmentSpec describe() {
    frost::EnvironmentSpec spec;
    spec.name = "Failing";
    spec.observation = frost::VectorSpec{1};
    spec.actions.choices = 2;
    return spec;
  }
  void fail_in(const char* place) const {
    if (in_ != place) return;
    if (odd_) throw 42;
    throw std::runtime_error("out of\nfuel");
  }

  std::string in_;
  bool odd_;
  int steps_ = 0;
};

}  // namespace

FROST_ENVIRONMENT_PLUGIN(Failing)
