#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "rl/envs/durotaxis/durotaxis.h"
#include "rl/envs/episode_record.h"

namespace frost {

namespace {

constexpr RecordKind kRecord{0x4F525544, 2, "a durotaxis state"};  // "DURO"
constexpr std::size_t kCellBytes = 47, kSnapshotEntryBytes = 16;
/// No count of a real run comes near; below it, counting on cannot overflow.
constexpr std::int32_t kMaxCount = 1 << 30;

void write_cell(StateWriter& out, const Cell& cell) {
  out.put(cell.id);
  out.put(cell.x);
  out.put(cell.y);
  out.put(cell.parent);
  out.put(cell.age);
  out.put(static_cast<std::uint8_t>(cell.fresh));
  out.put(static_cast<std::uint8_t>(cell.marked));
  out.put(static_cast<std::uint8_t>(cell.spared));
  out.put(cell.deadline);
  out.put(cell.born_with.gamma);
  out.put(cell.born_with.alpha);
  out.put(cell.born_with.noise);
  out.put(cell.born_with.theta);
}

Cell read_cell(StateReader& in) {
  Cell cell;
  cell.id = in.get<std::int64_t>();
  cell.x = in.get<float>();
  cell.y = in.get<float>();
  cell.parent = in.get<std::int32_t>();
  cell.age = in.get<std::int32_t>();
  if (cell.age < 0 || cell.age > kMaxCount)
    fail("load_state", fmt::format("a cell of age {} is impossible", cell.age));
  cell.fresh = in.get<std::uint8_t>() != 0;
  cell.marked = in.get<std::uint8_t>() != 0;
  cell.spared = in.get<std::uint8_t>() != 0;
  cell.deadline = in.get<std::int32_t>();
  if (cell.deadline < 0 || cell.deadline > kMaxCount)
    fail("load_state", fmt::format("a deadline of step {} is impossible", cell.deadline));
  cell.born_with.gamma = in.get<float>();
  cell.born_with.alpha = in.get<float>();
  cell.born_with.noise = in.get<float>();
  cell.born_with.theta = in.get<float>();
  return cell;
}

ColonySnapshot read_snapshot(StateReader& in) {
  ColonySnapshot snapshot;
  const std::size_t size = in.get_count(kSnapshotEntryBytes);
  for (std::size_t i = 0; i < size; ++i) {
    snapshot.ids.push_back(in.get<std::int64_t>());
    snapshot.intensity.push_back(in.get<double>());
    if (i > 0 && snapshot.ids[i] <= snapshot.ids[i - 1])
      fail("load_state", "the ids of a snapshot do not ascend");
  }
  return snapshot;
}

// The stream of `seed` where it had been left.
RandomStream read_stream(StateReader& in, std::uint64_t seed, StreamPurpose purpose) {
  RandomStream stream(seed, purpose);
  stream.set_position(in.get<std::uint64_t>());
  return stream;
}

void write_terminal_scale(StateWriter& out, const TerminalScale& scale) {
  out.put(scale.value());
  out.put(static_cast<std::int32_t>(scale.good_windows()));
  out.put(static_cast<std::uint64_t>(scale.returns().size()));
  for (const double value : scale.returns()) out.put(value);
}

void read_terminal_scale(StateReader& in, TerminalScale& scale) {
  const auto value = in.get<double>();
  const auto good_windows = in.get<std::int32_t>();
  std::deque<double> returns(in.get_count(sizeof(double)));
  for (double& episode_return : returns) episode_return = in.get<double>();
  scale.restore(value, std::move(returns), good_windows);
}

}  // namespace

std::vector<std::uint8_t> Durotaxis::save_state() const {
  StateWriter out;
  put_kind(out, kRecord);
  out.put(static_cast<std::uint8_t>(running_));
  out.put(static_cast<std::int32_t>(steps_));
  out.put(static_cast<std::int32_t>(left_moves_));
  out.put(static_cast<std::int32_t>(milestones_));
  out.put(static_cast<std::int32_t>(recoveries_));
  out.put(static_cast<std::uint8_t>(ever_marked_));
  out.put(episode_return_);
  out.put(seed_);
  out.put(recovery_stream_.position());
  out.put(length_stream_.position());
  write_terminal_scale(out, terminal_scale_);
  out.put(static_cast<std::uint8_t>(substrate_.kind() == SubstrateConfig::Kind::kExponential));
  out.put(substrate_.m());
  out.put(substrate_.b());
  out.put(static_cast<std::int32_t>(substrate_.width()));
  out.put(static_cast<std::int32_t>(substrate_.height()));
  out.put(colony_.next_id());
  out.put(static_cast<std::uint64_t>(colony_.size()));
  for (const Cell& cell : colony_.cells()) write_cell(out, cell);
  out.put(static_cast<std::uint64_t>(history_.size()));
  for (const ColonySnapshot& snapshot : history_) {
    out.put(static_cast<std::uint64_t>(snapshot.ids.size()));
    for (std::size_t i = 0; i < snapshot.ids.size(); ++i) {
      out.put(snapshot.ids[i]);
      out.put(snapshot.intensity[i]);
    }
  }
  return out.take();
}

void Durotaxis::load_state(const std::vector<std::uint8_t>& state) {
  StateReader in("load_state", state);
  expect_kind(in, kRecord);
  const bool running = in.get<std::uint8_t>() != 0;
  const auto steps = in.get<std::int32_t>();
  const auto left_moves = in.get<std::int32_t>();
  if (steps < 0 || steps > kMaxCount || left_moves < 0 || left_moves > steps)
    fail("load_state", fmt::format("counters {} and {} are impossible", steps, left_moves));
  const auto milestones = in.get<std::int32_t>(), recoveries = in.get<std::int32_t>();
  if (milestones < 0 || milestones > 4 || recoveries < 0 || recoveries > steps)
    fail("load_state",
         fmt::format("{} milestones and {} recoveries are impossible", milestones, recoveries));
  const bool ever_marked = in.get<std::uint8_t>() != 0;
  const auto episode_return = in.get<double>();
  const auto seed = in.get<std::uint64_t>();
  const RandomStream recovery_stream = read_stream(in, seed, StreamPurpose::kRecovery);
  const RandomStream length_stream = read_stream(in, seed, StreamPurpose::kDynamics);
  TerminalScale terminal_scale = terminal_scale_;
  read_terminal_scale(in, terminal_scale);

  SubstrateConfig field = config_.substrate;
  field.kind = in.get<std::uint8_t>() != 0 ? SubstrateConfig::Kind::kExponential
                                           : SubstrateConfig::Kind::kLinear;
  field.m = in.get<double>();
  field.b = in.get<double>();
  field.width = in.get<std::int32_t>();
  field.height = in.get<std::int32_t>();
  if (field.width != config_.substrate.width || field.height != config_.substrate.height)
    fail("load_state",
         fmt::format("the state has a {}x{} substrate, the configuration {}x{}", field.width,
                     field.height, config_.substrate.width, config_.substrate.height));
  Substrate substrate(field);

  const auto next_id = in.get<std::int64_t>();
  if (next_id < 0 || next_id > std::int64_t{kMaxCount} << 30)
    fail("load_state", fmt::format("a next id of {} is impossible", next_id));
  std::vector<Cell> cells(in.get_count(kCellBytes));
  for (Cell& cell : cells) cell = read_cell(in);
  Colony colony = Colony::restore(std::move(cells), next_id);
  colony.check_invariants(substrate);

  std::deque<ColonySnapshot> history(in.get_count(sizeof(std::uint64_t)));
  if (history.size() > static_cast<std::size_t>(config_.delta_time) + 1)
    fail("load_state",
         fmt::format("{} snapshots for delta_time {}; use the configuration the state "
                     "was saved with",
                     history.size(), config_.delta_time));
  for (ColonySnapshot& snapshot : history) snapshot = read_snapshot(in);
  in.expect_end();

  running_ = running;
  steps_ = steps;
  left_moves_ = left_moves;
  milestones_ = milestones;
  recoveries_ = recoveries;
  ever_marked_ = ever_marked;
  episode_return_ = episode_return;
  seed_ = seed;
  recovery_stream_ = recovery_stream;
  length_stream_ = length_stream;
  terminal_scale_ = std::move(terminal_scale);
  substrate_ = std::move(substrate);
  colony_ = std::move(colony);
  history_ = std::move(history);
}

}  // namespace frost
