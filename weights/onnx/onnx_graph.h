#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/state_dict.h"

namespace frost {

/// A tensor that enters or leaves a graph.
struct OnnxValue {
  std::string name;
  std::string dtype;               ///< as in HostTensor: F32, I64, U8
  std::vector<std::string> shape;  ///< digits, or the name of a size that varies
};

/// An attribute of a node.
using OnnxAttribute = std::variant<std::int64_t, float, std::vector<std::int64_t>>;

/// A network written as ONNX, operator set 17.
///
/// Built front to back: each node names what it reads, and its result has one name.
class OnnxGraph {
 public:
  void add_input(OnnxValue value) { inputs_.push_back(std::move(value)); }
  /// `value.name` is that of a node's result.
  void add_output(OnnxValue value) { outputs_.push_back(std::move(value)); }

  /// A fixed tensor, F32 or I64; returns its name. Of two with one name the first stays.
  std::string constant(const std::string& name, HostTensor tensor);
  std::string constant(const std::string& name, float value);
  /// A node that applies `op`; returns the name of its result, which is also the node's.
  std::string node(const std::string& op, const std::vector<std::string>& inputs,
                   const std::string& name,
                   const std::vector<std::pair<std::string, OnnxAttribute>>& attributes = {});

  /// A line per input and output: name, type, shape.
  std::string interface_text() const;

  /// Writes the model atomically, without a copy of its tensors. Throws Error where it has 2 GiB or
  /// more, which no reader of the format takes, or cannot be written.
  void write(const std::filesystem::path& path, const std::string& name,
             const std::map<std::string, std::string>& metadata) const;

 private:
  std::string nodes_;  ///< as fields of the graph
  std::vector<OnnxValue> inputs_, outputs_;
  std::map<std::string, HostTensor> constants_;
};

/// x W^T + b as a node; weight [out, in], bias [out].
std::string add_linear(OnnxGraph& graph, const std::string& x, const HostTensor& weight,
                       const HostTensor& bias, const std::string& name);

}  // namespace frost
