#pragma once

#include <map>
#include <string>

#include "weights/resnet18_names.h"

namespace frost {

/// Whether the SHA-256 is that of a file torchvision has published as IMAGENET1K_V1.
bool is_torchvision(const std::string& digest);

// What import_weights prints, in this order.

/// The file, its digest, and whose it is; a warning where its name promises another digest.
void print_identity(const std::string& path, const std::string& digest, const std::string& format);
/// What was renamed, dropped, is missing or unexpected.
void print_mapping(const Resnet18Mapping& mapping);
/// Shape, dtype (by source name), mean and deviation of every tensor.
void print_tensors(const Resnet18Mapping& mapping,
                   const std::map<std::string, std::string>& dtypes);
/// Parameters by stage and in all.
void print_totals(const Resnet18Mapping& mapping);

}  // namespace frost
