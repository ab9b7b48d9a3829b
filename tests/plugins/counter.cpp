#include "rl/byte_stream.h"
#include "rl/plugin/environment_plugin.h"

namespace {

/// Counts up to a goal: of two choices the one that a coin of the episode names counts.
class Counter : public frost::Environment {
 public:
  explicit Counter(const frost::EnvironmentOptions& options)
      : Environment(describe(options.text("name", "Counter"), options.integer("limit", 20))),
        goal_(options.integer("goal", 3)),
        reward_(options.number("reward", 1.0)),
        honest_(options.flag("honest", true)) {}

  void reset(std::uint64_t seed) override {
    frost::RandomStream random(seed, frost::StreamPurpose::kLayout);
    coin_ = static_cast<int>(random.below(2)), count_ = 0, steps_ = 0;
  }
  frost::StepResult step(const frost::Action& action) override {
    frost::check_action(spec().actions, action);
    const bool right = (action.decisions[0] == coin_) == honest_;
    count_ += right;
    frost::StepResult result;
    result.reward = {right ? reward_ : 0.0};
    result.terminated = count_ == goal_;
    result.truncated = !result.terminated && ++steps_ == spec().time_limit;
    return result;
  }
  frost::Observation observe() const override {
    return frost::VectorObservation{{static_cast<float>(coin_), static_cast<float>(count_)}};
  }
  int episode_steps() const override { return steps_; }
  void limit_time(int steps) override { set_time_limit(steps); }

  std::vector<std::uint8_t> save_state() const override {
    frost::StateWriter writer;
    writer.put(coin_), writer.put(count_), writer.put(steps_);
    return writer.take();
  }
  void load_state(const std::vector<std::uint8_t>& state) override {
    frost::StateReader reader("Counter", state);
    coin_ = reader.get<int>(), count_ = reader.get<int>(), steps_ = reader.get<int>();
    reader.expect_end();
  }

 private:
  static frost::EnvironmentSpec describe(const std::string& name, int limit) {
    frost::EnvironmentSpec spec;
    spec.name = name;
    spec.observation = frost::VectorSpec{2};
    spec.actions.choices = 2;
    spec.time_limit = limit;
    return spec;
  }
  int goal_, coin_ = 0, count_ = 0, steps_ = 0;
  double reward_;
  bool honest_;
};

}  // namespace

FROST_ENVIRONMENT_PLUGIN(Counter)
