#include "rl/ppo/rollout_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

namespace frost {
namespace {

const std::string kPrefix = "ppo.rollout.";
const std::string kObservation = kPrefix + "observation.", kFinal = kPrefix + "final_observation.";
const std::string kFeatures = kPrefix + "features", kSteps = kPrefix + "steps",
                  kAdvantage = kPrefix + "advantage";
constexpr const char* kLengths = ".lengths";
constexpr const char* kWhat = "checkpoint";

template <class T>
constexpr const char* dtype_name() {
  if constexpr (std::is_same_v<T, float>) return "F32";
  if constexpr (std::is_same_v<T, double>) return "F64";
  if constexpr (std::is_same_v<T, std::int32_t>) return "I32";
  if constexpr (std::is_same_v<T, std::uint8_t>) return "U8";
}

/// Appends arrays of many records to one tensor for each name.
class ColumnWriter {
 public:
  template <class T>
  void put(const std::string& name, const std::vector<T>& array) {
    Column& column = columns_[name];
    column.dtype = dtype_name<T>();
    column.lengths.push_back(static_cast<std::int64_t>(array.size()));
    column.count += static_cast<std::int64_t>(array.size());
    const auto bytes = std::as_bytes(std::span(array));
    column.bytes.insert(column.bytes.end(), bytes.begin(), bytes.end());
  }
  void finish(StateDict& state) {
    for (auto& [name, column] : columns_) {
      state[name] = {column.dtype, {column.count}, std::move(column.bytes)};
      state[name + kLengths] = HostTensor::from_int64(
          {static_cast<std::int64_t>(column.lengths.size())}, column.lengths);
    }
  }

 private:
  struct Column {
    const char* dtype = nullptr;
    std::int64_t count = 0;
    std::vector<std::byte> bytes;
    std::vector<std::int64_t> lengths;
  };
  std::map<std::string, Column> columns_;
};

/// Takes such tensors apart again, record by record.
class ColumnReader {
 public:
  explicit ColumnReader(const StateDict& state) : state_(state) {}

  template <class T>
  void get(const std::string& name, std::vector<T>& array) {
    Column& column = find(name, dtype_name<T>(), sizeof(T));
    if (column.record == column.lengths.size()) {
      fail_damaged(name + kLengths, fmt::format("{} entries are too few", column.record));
    }
    const std::int64_t length = column.lengths[column.record++];
    const std::size_t left = column.bytes.size() - column.begin;
    if (length < 0 || static_cast<std::uint64_t>(length) > left / sizeof(T)) {
      fail_damaged(name + kLengths,
                   fmt::format("a length of {} with {} values left", length, left / sizeof(T)));
    }
    array.resize(static_cast<std::size_t>(length));
    const std::size_t bytes = array.size() * sizeof(T);
    if (bytes > 0) std::memcpy(array.data(), column.bytes.data() + column.begin, bytes);
    column.begin += bytes;
  }
  /// Throws Error where values or lengths are left over.
  void finish() const {
    for (const auto& [name, column] : columns_) {
      if (column.record != column.lengths.size() || column.begin != column.bytes.size()) {
        fail_damaged(name, "it holds more than its transitions have");
      }
    }
  }

 private:
  struct Column {
    SharedBytes bytes;
    std::vector<std::int64_t> lengths;
    std::size_t record = 0, begin = 0;
  };

  Column& find(const std::string& name, const char* dtype, std::size_t value_bytes) {
    const auto known = columns_.find(name);
    if (known != columns_.end()) return known->second;
    const HostTensor& values = find_tensor(state_, name, kWhat);
    if (values.dtype != dtype || values.shape.size() != 1 ||
        values.bytes.size() != static_cast<std::size_t>(values.numel()) * value_bytes) {
      fail_damaged(name, fmt::format("it is no row of {}", dtype));
    }
    const std::string lengths = name + kLengths;
    return columns_[name] = {values.bytes, find_tensor(state_, lengths, kWhat).to_int64(lengths)};
  }

  const StateDict& state_;
  std::map<std::string, Column> columns_;
};

Observation empty_observation(const ObservationSpec& spec) {
  if (const auto* graph = std::get_if<GraphSpec>(&spec)) {
    GraphObservation o;
    o.node_width = graph->node_features;
    return o;
  }
  if (std::holds_alternative<PictureSpec>(spec)) return PictureObservation{};
  return VectorObservation{};
}

void require_size(const std::string& name, std::size_t found, std::size_t wanted) {
  if (found != wanted) {
    fail_damaged(name, fmt::format("{} values where a transition has {}", found, wanted));
  }
}

/// Every value is from 0 to `end` - 1.
void require_below(const std::string& name, const std::vector<std::int32_t>& values,
                   std::size_t end) {
  for (const std::int32_t v : values) {
    if (v < 0 || static_cast<std::size_t>(v) >= end) {
      fail_damaged(name, fmt::format("{} is not below {}", v, end));
    }
  }
}

template <class T>
void require_finite(const std::string& name, const std::vector<T>& values) {
  if (!std::all_of(values.begin(), values.end(), [](T v) { return std::isfinite(v); })) {
    fail_damaged(name, "a value is not finite");
  }
}

void check_graph(const GraphObservation& o, const GraphSpec& graph, int choices,
                 const std::string& prefix) {
  const auto width = static_cast<std::size_t>(graph.node_features);
  const std::size_t nodes = o.node_features.size() / width, edges = o.edge_source.size();
  if (nodes == 0) fail_damaged(prefix + "node_features", "a graph has no nodes");
  require_size(prefix + "node_features", o.node_features.size(), nodes * width);
  require_size(prefix + "graph_features", o.graph_features.size(),
               static_cast<std::size_t>(graph.graph_features));
  require_size(prefix + "edge_target", o.edge_target.size(), edges);
  require_size(prefix + "edge_features", o.edge_features.size(),
               edges * static_cast<std::size_t>(graph.edge_features));
  require_below(prefix + "edge_source", o.edge_source, nodes);
  require_below(prefix + "edge_target", o.edge_target, nodes);
  require_size(prefix + "action_mask", o.action_mask.size(),
               nodes * static_cast<std::size_t>(choices));
}

void check_observation(const Observation& observation, const EnvironmentSpec& spec,
                       const std::string& prefix) {
  if (const auto* graph = std::get_if<GraphObservation>(&observation)) {
    check_graph(*graph, std::get<GraphSpec>(spec.observation), spec.actions.choices, prefix);
  } else if (const auto* image = std::get_if<PictureObservation>(&observation)) {
    const auto& picture = std::get<PictureSpec>(spec.observation);
    require_size(prefix + "pixels", image->pixels.size(), picture.bytes());
    require_size(prefix + "values", image->values.size(), static_cast<std::size_t>(picture.values));
    require_finite(prefix + "values", image->values);
  } else {
    require_size(prefix + "values", std::get<VectorObservation>(observation).values.size(),
                 static_cast<std::size_t>(std::get<VectorSpec>(spec.observation).size));
  }
}

std::size_t decision_rows(const Transition& t, const ActionSpace& space) {
  if (space.rows != ActionSpace::kPerNode) return static_cast<std::size_t>(space.rows);
  return static_cast<std::size_t>(std::get<GraphObservation>(t.observation).num_nodes());
}

void check_policy(const Transition& t, const RolloutForm& form) {
  const ActionSpace& space = form.spec.actions;
  const PolicyStep& policy = t.policy;
  const std::vector<std::int32_t>& decisions = policy.action.decisions;
  const std::size_t rows = decision_rows(t, space), dims = static_cast<std::size_t>(space.dims());
  const std::size_t decided = space.choices > 0 ? rows : 0;
  require_size(kPrefix + "decisions", decisions.size(), decided);
  require_below(kPrefix + "decisions", decisions, static_cast<std::size_t>(space.choices));
  require_size(kPrefix + "logp", policy.logp.size(), decided);
  const auto enabled = static_cast<std::size_t>(
      std::count(decisions.begin(), decisions.end(), space.enabling_choice));
  const std::size_t active =
      dims == 0 ? 0 : (space.enabling_choice == ActionSpace::kAlways ? rows : enabled);
  require_size(kPrefix + "parameters", policy.action.parameters.size(), rows * dims);
  require_size(kPrefix + "raw", policy.raw.size(), active * dims);
  require_size(kPrefix + "raw_logp", policy.raw_logp.size(), active);
  require_size(kPrefix + "values", policy.values.size(), form.components);
  require_size(kPrefix + "reward", t.outcome.result.reward.size(), form.components);
  require_size(kPrefix + "returns", t.returns.size(), form.with_returns ? form.components : 0);
  require_finite(kPrefix + "logp", policy.logp);
  require_finite(kPrefix + "raw", policy.raw);
  require_finite(kPrefix + "raw_logp", policy.raw_logp);
  require_finite(kPrefix + "values", policy.values);
  require_finite(kPrefix + "returns", t.returns);
}

constexpr std::int64_t kStepColumns = 5;

std::vector<std::int64_t> step_columns(const StepResult& r) {
  return {r.terminated, r.truncated, r.success, r.ending, r.size};
}

StepResult step_result(const std::int64_t* columns) {
  const auto is_flag = [](std::int64_t v) { return v == 0 || v == 1; };
  const auto is_int = [](std::int64_t v) { return v == static_cast<std::int32_t>(v); };
  if (!std::all_of(columns, columns + 3, is_flag) || !is_int(columns[3]) || !is_int(columns[4])) {
    fail_damaged(kSteps, "a flag or a number is out of range");
  }
  StepResult result;
  result.terminated = columns[0] != 0;
  result.truncated = columns[1] != 0;
  result.success = columns[2] != 0;
  result.ending = static_cast<int>(columns[3]);
  result.size = static_cast<int>(columns[4]);
  return result;
}

/// All transitions in the order of `Rollout::flat`, without their features.
std::vector<Transition> read_transitions(const StateDict& state, const RolloutForm& form,
                                         const Rollout& rollout) {
  const HostTensor& steps = find_tensor(state, kSteps, kWhat);
  const std::vector<std::int64_t> columns = steps.to_int64(kSteps);
  const std::int64_t environments = form.environments;
  const std::int64_t count = steps.shape.empty() ? 0 : steps.shape[0];
  if (steps.shape != Shape{count, kStepColumns} || count % environments != 0 ||
      count / environments > rollout.capacity()) {
    fail_damaged(kSteps, fmt::format("{} do not fit {} environments with {} transitions each",
                                     to_string(steps.shape), environments, rollout.capacity()));
  }
  const std::vector<double> advantages =
      find_tensor(state, kAdvantage, kWhat, {count}).to_doubles(kAdvantage);
  require_finite(kAdvantage, advantages);
  ColumnReader reader(state);
  const auto read_observation = [&](const std::string& prefix, Observation& observation) {
    observation = empty_observation(form.spec.observation);
    for_each_array(observation, [&](const char* name, auto& a) { reader.get(prefix + name, a); });
    check_observation(observation, form.spec, prefix);
  };
  std::vector<Transition> all(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < all.size(); ++i) {
    Transition& t = all[i];
    t.outcome.result = step_result(columns.data() + i * kStepColumns);
    t.advantage = advantages[i];
    for_each_array(t, [&](const char* name, auto& a) { reader.get(kPrefix + name, a); });
    if (form.feature_width == 0) read_observation(kObservation, t.observation);
    if (t.outcome.result.truncated) read_observation(kFinal, t.outcome.final_observation);
    check_policy(t, form);
  }
  reader.finish();
  return all;
}

}  // namespace

void save_rollout(const Rollout& rollout, StateDict& state) {
  const std::vector<const Transition*> all = rollout.flat();
  const auto count = static_cast<std::int64_t>(all.size());
  ColumnWriter writer;
  const auto write = [&](const std::string& prefix, const auto& record) {
    for_each_array(record, [&](const char* name, const auto& a) { writer.put(prefix + name, a); });
  };
  std::vector<std::int64_t> steps;
  std::vector<double> advantages;
  for (const Transition* t : all) {
    const std::vector<std::int64_t> columns = step_columns(t->outcome.result);
    steps.insert(steps.end(), columns.begin(), columns.end());
    advantages.push_back(t->advantage);
    write(kPrefix, *t);
    if (t->feature_row < 0) write(kObservation, t->observation);
    if (t->outcome.result.truncated) write(kFinal, t->outcome.final_observation);
  }
  writer.finish(state);
  state[kSteps] = HostTensor::from_int64({count, kStepColumns}, steps);
  state[kAdvantage] = HostTensor::from_doubles(advantages);
  if (!rollout.features().defined()) return;
  const Tensor features = rollout.features_of(all);
  state[kFeatures] = HostTensor::from_floats(features.shape(), features.to_host());
}

void load_rollout(const StateDict& state, const RolloutForm& form, Backend& backend,
                  Rollout& rollout) {
  std::vector<Transition> all = read_transitions(state, form, rollout);
  const auto count = static_cast<std::int64_t>(all.size());
  const auto environments = static_cast<std::int64_t>(rollout.by_environment().size());
  const auto width = static_cast<std::size_t>(form.feature_width);
  std::vector<float> features;
  if (width > 0 && count > 0) {
    features =
        find_tensor(state, kFeatures, kWhat, {count, form.feature_width}).to_floats(kFeatures);
  }
  const std::size_t steps = all.size() / static_cast<std::size_t>(form.environments);
  const std::size_t begin = static_cast<std::size_t>(form.first) * steps;
  const std::size_t end = begin + static_cast<std::size_t>(environments) * steps;
  for (std::size_t t = 0; t < steps; ++t) {
    std::vector<Transition> transitions;
    std::vector<float> rows;
    for (std::size_t i = begin + t; i < end; i += steps) {
      transitions.push_back(std::move(all[i]));
      const auto row = features.begin() + static_cast<std::ptrdiff_t>(i * width);
      if (width > 0) rows.insert(rows.end(), row, row + static_cast<std::ptrdiff_t>(width));
    }
    rollout.add(
        std::move(transitions),
        width > 0 ? Tensor::from_host(backend, {environments, form.feature_width}, rows) : Tensor(),
        form.prefix_id);
  }
}

}  // namespace frost
