#include "rl/envs/control/identity.h"

#include <cmath>

namespace frost {
namespace {

double draw_symbol(RandomStream& stream, int symbols) {
  return stream.below(static_cast<std::uint32_t>(symbols));
}

bool chosen(double symbol, std::int32_t decision) {
  return static_cast<std::int32_t>(symbol) == decision;
}

void append_one_hot(double symbol, int symbols, std::vector<float>& features) {
  for (std::int32_t i = 0; i < symbols; ++i) features.push_back(chosen(symbol, i) ? 1.0f : 0.0f);
}

ActionSpace choices_of(int rows, int choices) {
  ActionSpace space;
  space.rows = rows;
  space.choices = choices;
  return space;
}

ActionSpace with_number(ActionSpace space, Squash squash) {
  space.continuous = {{-1.0, 1.0, squash}};
  return space;
}

}  // namespace

IdentityEnvironment::Outcome IdentityEnvironment::advance(State& state, const Action& action,
                                                          RandomStream& stream) const {
  const double earned = reward(state, action);
  state = initial_state(stream);
  return {earned};
}

IdentityDiscrete::IdentityDiscrete()
    : IdentityEnvironment("IdentityDiscrete", choices_of(1, kSymbols), kSymbols,
                          {{0, kSymbols - 1}}) {}

IdentityDiscrete::State IdentityDiscrete::initial_state(RandomStream& stream) const {
  return {draw_symbol(stream, kSymbols)};
}

double IdentityDiscrete::reward(const State& shown, const Action& action) const {
  return chosen(shown[0], action.decisions[0]) ? 1.0 : 0.0;
}

std::vector<float> IdentityDiscrete::features(const State& state) const {
  std::vector<float> all;
  append_one_hot(state[0], kSymbols, all);
  return all;
}

IdentityMultiDiscrete::IdentityMultiDiscrete()
    : IdentityEnvironment("IdentityMultiDiscrete", choices_of(kRows, kSymbols), kRows * kSymbols,
                          std::vector<Interval>(kRows, {0, kSymbols - 1})) {}

IdentityMultiDiscrete::State IdentityMultiDiscrete::initial_state(RandomStream& stream) const {
  State state(kRows);
  for (double& symbol : state) symbol = draw_symbol(stream, kSymbols);
  return state;
}

double IdentityMultiDiscrete::reward(const State& shown, const Action& action) const {
  for (std::size_t row = 0; row < shown.size(); ++row) {
    if (!chosen(shown[row], action.decisions[row])) return 0.0;
  }
  return 1.0;
}

std::vector<float> IdentityMultiDiscrete::features(const State& state) const {
  std::vector<float> all;
  for (const double symbol : state) append_one_hot(symbol, kSymbols, all);
  return all;
}

IdentityBox::IdentityBox()
    : IdentityEnvironment("IdentityBox", with_number({}, Squash::kClip), 1, {{-1, 1}}) {}

IdentityBox::State IdentityBox::initial_state(RandomStream& stream) const {
  return {stream.uniform(-1.0, 1.0)};
}

double IdentityBox::reward(const State& shown, const Action& action) const {
  return 1.0 - std::abs(action.parameters[0] - shown[0]);
}

std::vector<float> IdentityBox::features(const State& state) const {
  return {static_cast<float>(state[0])};
}

IdentityHybrid::IdentityHybrid()
    : IdentityEnvironment("IdentityHybrid", with_number(choices_of(1, kSymbols), Squash::kTanh),
                          kSymbols + 1, {{0, kSymbols - 1}, {-1, 1}}) {}

IdentityHybrid::State IdentityHybrid::initial_state(RandomStream& stream) const {
  const double symbol = draw_symbol(stream, kSymbols);
  return {symbol, stream.uniform(-1.0, 1.0)};
}

double IdentityHybrid::reward(const State& shown, const Action& action) const {
  const double close = 1.0 - std::abs(action.parameters[0] - shown[1]);
  return 0.5 * (chosen(shown[0], action.decisions[0]) ? 1.0 : 0.0) + 0.5 * close;
}

std::vector<float> IdentityHybrid::features(const State& state) const {
  std::vector<float> all;
  append_one_hot(state[0], kSymbols, all);
  all.push_back(static_cast<float>(state[1]));
  return all;
}

}  // namespace frost
