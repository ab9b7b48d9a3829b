#pragma once

#include "engine/io/preprocessing.h"
#include "weights/onnx/onnx_graph.h"

namespace frost {

/// Adds the input `name`, float pictures [n, channels, height, width] in R, G, B order and
/// `preprocessing.input_range`, and what makes the network's input of them. Pictures of one channel
/// are taken with mean and deviation averaged over the channels. Returns the result's name.
std::string add_picture_input(OnnxGraph& graph, const std::string& name, std::int64_t channels,
                              const Preprocessing& preprocessing);

/// Adds a body (torchvision's names, OIHW; any depth) from the network's input `x` to its pooled
/// features, [n, width], as the node `name`. BatchNorm is folded into the convolutions, in double
/// and rounded once. Where `x` has one channel and conv1 three, conv1 is summed over them.
/// Throws Error for a missing or misshapen tensor.
std::string add_resnet_body(OnnxGraph& graph, const std::string& x, const StateDict& body,
                            std::int64_t channels, const std::string& name);

/// The width of a body's features.
std::int64_t resnet_width(const StateDict& body);

}  // namespace frost
