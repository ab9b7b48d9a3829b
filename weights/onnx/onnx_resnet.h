#pragma once

#include "engine/io/preprocessing.h"
#include "weights/onnx/onnx_graph.h"

namespace frost {

/// Adds what makes a network's input of pictures `x`, floats [n, channels, height, width] from 0 to
/// 1 in R, G, B order. Pictures of one channel are taken with mean and deviation averaged over the
/// channels. Returns the result's name, which begins with `name`.
std::string add_normalisation(OnnxGraph& graph, const std::string& x, std::int64_t channels,
                              const Preprocessing& preprocessing, const std::string& name);

/// Adds the input `name`, such pictures in `preprocessing.input_range`, and the same behind it.
std::string add_picture_input(OnnxGraph& graph, const std::string& name, std::int64_t channels,
                              const Preprocessing& preprocessing);

/// Adds a body (torchvision's names, OIHW; any depth) from the network's input `x` to the map of
/// the last stage that it has, [n, width, ...]. BatchNorm is folded into the convolutions, in
/// double and rounded once. Where `x` has one channel and conv1 three, conv1 is summed over them.
/// Throws Error for a missing or misshapen tensor.
std::string add_resnet_map(OnnxGraph& graph, const std::string& x, const StateDict& body,
                           std::int64_t channels);

/// Adds the average of a map over its places, [n, width], as the node `name`.
std::string add_pooling(OnnxGraph& graph, const std::string& map, const std::string& name);

/// 1 .. 4 by the names of a body's tensors; 0: it has the stem alone.
int resnet_last_stage(const StateDict& body);

/// Channels of what `add_resnet_map` yields.
std::int64_t resnet_width(const StateDict& body);

}  // namespace frost
