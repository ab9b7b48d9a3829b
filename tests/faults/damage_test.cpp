#include <chrono>
#include <random>

#include "engine/io/atomic_file.h"
#include "tests/faults/run_fixture.h"
#include "tools/config/config_text.h"
#include "tools/runs/checkpoint.h"
#include "tools/runs/trainer.h"
#include "weights/pretrained.h"

// Checkpoints and weights with flipped bits, cut off, with swapped or repeated sections: each is
// refused in one line, or loads what was written.
namespace frost {
namespace {

using Bytes = std::vector<std::byte>;

class Damage {
 public:
  explicit Damage(std::uint64_t seed) : random_(seed) {}

  /// A damaged copy: bits, the length, two sections, a block of zeros, or another's part; what a
  /// disk, a transfer or a careless program leaves.
  Bytes of(const Bytes& whole) {
    Bytes bytes = whole;
    switch (below(5)) {
      case 0:
        for (std::size_t left = 1 + below(4); left > 0; --left) {
          bytes[place(bytes)] ^= std::byte{1} << below(8);
        }
        break;
      case 1:
        bytes.resize(below(bytes.size()));
        break;
      case 2: {
        const std::size_t size = section(bytes.size() / 2);
        const std::size_t first = below(bytes.size() / 2 - size + 1);
        const std::size_t second = bytes.size() / 2 + below(bytes.size() / 2 - size + 1);
        std::swap_ranges(at(bytes, first), at(bytes, first + size), at(bytes, second));
        break;
      }
      case 3: {
        const std::size_t size = section(bytes.size()), first = below(bytes.size() - size + 1);
        std::fill(at(bytes, first), at(bytes, first + size), std::byte{0});
        break;
      }
      default: {
        const std::size_t size = section(bytes.size() / 2), from = below(bytes.size() - size + 1);
        const Bytes piece(at(bytes, from), at(bytes, from + size));
        bytes.insert(at(bytes, place(bytes)), piece.begin(), piece.end());
      }
    }
    return bytes;
  }

 private:
  static Bytes::iterator at(Bytes& bytes, std::size_t i) {
    return bytes.begin() + static_cast<std::ptrdiff_t>(i);
  }
  std::size_t below(std::size_t limit) { return random_() % limit; }
  /// Anywhere, and as often in the header, where it is more than a wrong number.
  std::size_t place(const Bytes& bytes) {
    return below(below(2) == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 4096));
  }
  /// A power of two as a length, at most `limit`.
  std::size_t section(std::size_t limit) {
    const std::size_t size = std::size_t{1} << below(17);
    return std::min(size, limit);
  }

  std::mt19937_64 random_;
};

/// Damages `whole` and loads it, `times` times or as long as the long form lasts; `load` throws, or
/// says whether it has loaded what was written.
void damage(const std::string& what, const Bytes& whole, long times,
            const std::function<bool(const Bytes&)>& load) {
  Damage damage(static_cast<std::uint64_t>(torture("FROST_TORTURE_SEED", 1)));
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds(torture("FROST_TORTURE_SECONDS", 0));
  long tried = 0, refused = 0;
  for (; tried < times || std::chrono::steady_clock::now() < end; ++tried) {
    const Bytes bytes = damage.of(whole);
    try {
      ASSERT_TRUE(load(bytes)) << "case " << tried << " loads something else";
    } catch (const Error& error) {
      ++refused;
      ASSERT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
  }
  EXPECT_GT(refused, tried / 10 * 9) << "most damage changes the content";
  std::cout << "torture: " << what << ", damaged: " << tried << ", refused: " << refused
            << ", without effect: " << tried - refused << ", loaded wrongly: 0\n";
}

TEST(Damaged, CheckpointsAreRefusedOrLoadWhatWasWritten) {
  Config config = parse_config("environment: {name: CartPole-v1}\n", "x.yaml",
                               {"actor_critic.mlp_hidden=[8,8]", "trainer.num_envs=2"});
  config.ppo.rollout_steps = config.ppo.minibatch_size = 16;
  config.system.device = "cpu";
  config.system.threads = 1;
  Trainer trainer(config, false);
  trainer.ppo().update();
  const test::TemporaryFolder folder;
  const fs::path path = folder / "last.safetensors";
  write_safetensors(path, trainer.checkpoint());
  const Bytes whole = read_regular_file(path, 1 << 24);
  const SafetensorsFile written = read_safetensors(path);
  damage("checkpoint", whole, 1000, [&](const Bytes& bytes) {
    const std::span<const std::byte> part = bytes;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(part.data()),
               static_cast<std::streamsize>(part.size()));
    const Checkpoint read = read_checkpoint(path);
    Trainer restored(config, true);
    restored.restore(read.file);
    const SafetensorsFile again = restored.checkpoint();
    return test::same_tensors(again.tensors, written.tensors) &&
           again.metadata.at("config") == written.metadata.at("config");
  });
}

TEST(Damaged, WeightsOfBodiesAreRefusedOrLoadWhatWasWritten) {
  ResNet body(cpu_backend(), 18, 3);
  RandomStream random(1, StreamPurpose::kInit);
  body.initialize(random);
  const test::TemporaryFolder folder;
  const StateDict written = body.torchvision_state_dict();
  write_safetensors(folder / "blob", {written, {}});
  const Bytes whole = read_regular_file(folder / "blob", std::uint64_t{1} << 30);
  damage("resnet18 blob", whole, 8, [&](const Bytes& bytes) {
    const SafetensorsFile file = parse_safetensors(bytes, "blob");
    if (!file.has_checksum) throw Error("without a checksum");
    body.load(file.tensors);
    return test::same_tensors(body.torchvision_state_dict(), written);
  });
}

}  // namespace
}  // namespace frost
