// A plugin whose environment shows pictures: a ball falls, and a paddle that moves left, stays or
// moves right catches it or misses.
#include <frostline/rl/byte_stream.h>
#include <frostline/rl/plugin/environment_plugin.h>

#include <algorithm>

class Catch : public frost::Environment {
 public:
  explicit Catch(const frost::EnvironmentOptions& options = {})
      : Environment(describe()), reach_(options.integer("reach", 1)) {}  // cells beside the middle
  void reset(std::uint64_t seed) override {
    frost::RandomStream random(seed, frost::StreamPurpose::kLayout);
    ball_ = static_cast<int>(random.below(kCells)), paddle_ = kCells / 2, row_ = 0;
  }
  frost::StepResult step(const frost::Action& action) override {
    frost::check_action(spec().actions, action);
    paddle_ = std::clamp(paddle_ + action.decisions[0] - 1, 0, kCells - 1);
    frost::StepResult result;
    result.terminated = ++row_ == kCells - 1;
    result.success = result.terminated && std::abs(ball_ - paddle_) <= reach_;
    result.reward = {!result.terminated ? 0.0 : result.success ? 1.0 : -1.0};
    return result;
  }
  frost::Observation observe() const override {
    frost::PictureObservation seen{std::vector<std::uint8_t>(kSide * kSide), {}};
    fill(seen.pixels, ball_, row_);
    for (int x = paddle_ - reach_; x <= paddle_ + reach_; ++x) fill(seen.pixels, x, kCells - 1);
    return seen;
  }
  int episode_steps() const override { return row_; }
  std::vector<std::uint8_t> save_state() const override {
    frost::StateWriter state;
    state.put(ball_), state.put(paddle_), state.put(row_);
    return state.take();
  }
  void load_state(const std::vector<std::uint8_t>& bytes) override {
    frost::StateReader state("Catch", bytes);
    ball_ = state.get<int>(), paddle_ = state.get<int>(), row_ = state.get<int>();
    state.expect_end();
  }

 private:
  static constexpr int kCells = 12, kCell = 7, kSide = kCells * kCell;  // cells, pixels of one
  static frost::EnvironmentSpec describe() {
    frost::EnvironmentSpec spec;
    spec.name = "Catch";
    spec.observation = frost::PictureSpec{.height = kSide, .width = kSide, .channels = 1};
    spec.actions.choices = 3;
    spec.has_goal = true;
    return spec;
  }
  static void fill(std::vector<std::uint8_t>& pixels, int x, int y) {
    if (x < 0 || x >= kCells) return;
    for (int line = y * kCell; line < (y + 1) * kCell; ++line)
      std::fill_n(pixels.begin() + line * kSide + x * kCell, kCell, std::uint8_t{255});
  }
  int reach_, ball_ = 0, paddle_ = 0, row_ = 0;
};

FROST_ENVIRONMENT_PLUGIN(Catch)
