#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/state_dict.h"

namespace frost {

/// One floating-point tensor of a torchvision ResNet.
struct TensorSpec {
  std::string name;
  std::vector<std::int64_t> shape;

  /// "conv1", "bn1", "layer1" ... "layer4", "fc".
  std::string stage() const { return name.substr(0, name.find('.')); }
  /// False for running statistics, which are no parameters.
  bool is_parameter() const { return name.find("running_") == name.npos; }
};

/// 18, 34, 50.
const std::vector<int>& resnet_depths();

/// The floating-point tensors of ResNet `depth` (18, 34 or 50: 102, 182 or 267 of them) in
/// torchvision's order; the last two are the classifier `fc` of 1000 classes. Throws Error for
/// another depth.
const std::vector<TensorSpec>& resnet_tensors(int depth);

/// Width of what the classifier reads: 512, of ResNet50 2048.
std::int64_t resnet_features(int depth);

/// Names of the counters `num_batches_tracked`, which are int64 scalars of no use here.
std::vector<std::string> resnet_counters(int depth);

/// What a caller decides where the file leaves a choice.
struct MapOptions {
  std::string prefix;    ///< below which the body lies; empty: it is searched
  bool no_head = false;  ///< leave the classifier out
};

/// What became of the tensors of a file.
struct ResNetMapping {
  int depth = 0;             ///< 18, 34 or 50; 0: the file comes near none of them
  std::int64_t classes = 0;  ///< of the classifier, 0: there is none
  std::string prefix;        ///< below which the body lay in the file
  StateDict tensors;         ///< torchvision's names, F32, OIHW
  std::vector<std::pair<std::string, std::string>> mapped;  ///< name in the file, torchvision's
  std::vector<std::string> dropped;     ///< left out on purpose: what lies beside, counters
  std::vector<std::string> missing;     ///< wanted and not in the file
  std::vector<std::string> unexpected;  ///< in the file and not known
  std::vector<std::string> misshapen;   ///< "name [shape], expected [shape]"
  std::vector<std::string> causes;      ///< what the file probably is instead
  std::vector<std::string> notes;

  bool has_classifier() const { return tensors.contains("fc.weight"); }
  bool complete() const { return missing.empty() && unexpected.empty() && misshapen.empty(); }
};

/// Finds the one place in `source` where a complete body lies, whatever the names are, and the
/// classifier that belongs to it (docs/weights.md "Names"). conv1 may have 1 or 3 input channels,
/// the classifier any number of classes or be absent. Throws Error where several bodies differ and
/// none is to be preferred, for a wanted tensor of integer dtype, for a non-finite value and for a
/// negative running variance, naming tensor and index.
ResNetMapping map_resnet(StateDict source, const MapOptions& options = {});

/// Throws Error with the nearest place, the counts, the first names and the probable cause unless
/// `mapping` is complete.
void require_complete(const ResNetMapping& mapping, const std::string& origin);

}  // namespace frost
