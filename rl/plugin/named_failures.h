#pragma once

#include <exception>
#include <new>
#include <string>
#include <vector>

#include "kernels/errors.h"
#include "rl/environment.h"

namespace frost {

/// An environment of class `Base` whose failures name it: what its code throws in the functions
/// below becomes an Error of one line, but for memory that is at an end.
template <typename Base>
class NamedFailures final : public Base {
 public:
  using Base::Base;

  void reset(std::uint64_t episode_seed) override {
    attempt("reset", [&] { Base::reset(episode_seed); });
  }
  StepResult step(const Action& action) override {
    return attempt("step", [&] { return Base::step(action); });
  }
  Observation observe() const override {
    return attempt("observe", [&] { return Base::observe(); });
  }
  std::vector<std::uint8_t> save_state() const override {
    return attempt("save_state", [&] { return Base::save_state(); });
  }
  void load_state(const std::vector<std::uint8_t>& state) override {
    attempt("load_state", [&] { Base::load_state(state); });
  }
  double progress() const override {
    return attempt("progress", [&] { return Base::progress(); });
  }
  Action scripted_action(const std::string& policy, RandomStream& stream) const override {
    return attempt("scripted_action", [&] { return Base::scripted_action(policy, stream); });
  }
  std::vector<std::string> state_row() const override {
    return attempt("state_row", [&] { return Base::state_row(); });
  }
  std::vector<std::string> reward_row() const override {
    return attempt("reward_row", [&] { return Base::reward_row(); });
  }
  RgbImage render(const RenderRequest& request) const override {
    return attempt("render", [&] { return Base::render(request); });
  }

 private:
  template <typename Work>
  auto attempt(const char* what, const Work& work) const {
    try {
      return work();
    } catch (const std::bad_alloc&) {  // told with a table of memory
      throw;
    } catch (const std::exception& error) {
      rethrow(what, error.what());
    } catch (...) {
      rethrow(what, "something that is no std::exception was thrown");
    }
  }

  [[noreturn]] void rethrow(const char* what, const std::string& cause) const {
    throw Error("environment " + this->spec().name + " failed in " + what + ": " + cause);
  }
};

}  // namespace frost
