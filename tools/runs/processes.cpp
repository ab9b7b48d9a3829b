#include "tools/runs/processes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <span>
#include <thread>

#include "kernels/backend_registry.h"
#include "kernels/errors.h"
#include "kernels/parallel_for.h"
#include "tools/cli/standard_output.h"
#include "tools/config/config_text.h"
#include "weights/sha256.h"

namespace frost {
namespace {

using Fact = std::pair<const char*, std::string>;

std::string program_sha256() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  return sha256_hex(std::as_bytes(std::span(bytes)));
}

/// What has to be the same in all processes.
std::vector<Fact> facts_of(const Trainer& trainer) {
  return {{"program", program_sha256()},
          {"configuration", to_yaml(trainer.config())},
          {"weights", trainer.setup().weights},
          {"library of the environment", trainer.library_sha256()},
          {"kind of device", trainer.setup().backend == &cpu_backend() ? "CPU" : "GPU"},
          {"number of threads", std::to_string(thread_budget())}};
}

/// A fault that all ranks meet is told by the first of them, which ends the others meanwhile.
void let_lower_ranks_speak(int rank) {
  std::this_thread::sleep_for(std::chrono::milliseconds(200 * std::min(rank, 10)));
}

}  // namespace

int run_together(Communicator& communicator, const std::function<int()>& body) {
  if (communicator.size() == 1) return body();
  std::string fault;
  int status = 1;
  try {
    return body();
  } catch (const UsageError& error) {
    fault = error.what();
    status = 2;
  } catch (const std::exception& error) {
    fault = error.what();
  }
  std::replace(fault.begin(), fault.end(), '\n', ' ');
  let_lower_ranks_speak(communicator.rank());
  flush_output();
  print_note(
      fmt::format("error: rank {} on {}: {}", communicator.rank(), communicator.host(), fault));
  communicator.abort(status);
  std::abort();  // not reached, which a call through the base class does not tell every compiler
}

void require_alike(Communicator& communicator, const Trainer& trainer) {
  if (communicator.size() == 1) return;
  for (const auto& [what, own] : facts_of(trainer)) {
    const std::string text = fmt::format("{}\n{}", communicator.host(), own);
    const auto all = communicator.gather(std::as_bytes(std::span(text)));
    for (std::size_t rank = 1; rank < all.size(); ++rank) {
      const std::string theirs(reinterpret_cast<const char*>(all[rank].data()), all[rank].size());
      const std::size_t end = theirs.find('\n');
      if (theirs.substr(end + 1) == own) continue;
      throw Error(fmt::format(
          "rank {} on {} has another {} than this one: start all with the same, on machines alike",
          rank, theirs.substr(0, end), what));
    }
  }
}

int any_signal(Communicator& communicator, int own) {
  if (communicator.size() == 1) return own;
  std::array<double, 65> received{};
  received[static_cast<std::size_t>(own)] = 1;
  communicator.sum(std::span<double>(received));
  const auto first =
      std::find_if(received.begin() + 1, received.end(), [](double n) { return n > 0; });
  return first == received.end() ? 0 : static_cast<int>(first - received.begin());
}

}  // namespace frost
