#include <fmt/format.h>

#include <filesystem>
#include <string_view>

#include "engine/io/atomic_file.h"
#include "fuzz/seeds.h"
#include "kernels/errors.h"
#include "tools/cli/program.h"

// Writes the seeds as FOLDER/<target>/<name>, the corpora that the fuzzers are started with.
int main(int argc, char** argv) {
  return frost::run_program([&] {
    if (argc != 2) throw frost::UsageError("usage: fuzz_seeds FOLDER");
    const auto seeds = frost::fuzz::make_seeds();
    for (const frost::fuzz::Seed& seed : seeds) {
      frost::write_file_atomically(
          std::filesystem::path(argv[1]) / seed.target / seed.name,
          std::string_view(reinterpret_cast<const char*>(seed.bytes.data()), seed.bytes.size()));
    }
    fmt::print("{} seeds written to {}\n", seeds.size(), argv[1]);
    return 0;
  });
}
