#pragma once

#include <map>
#include <string>

#include "weights/resnet_names.h"

namespace frost {

// What import_weights prints, in this order.

/// The file, its digest, and whose it is.
std::string identity_text(const std::string& path, const std::string& digest,
                          const std::string& format);
/// One line where the file's name promises another digest, else empty.
std::string digest_warning(const std::string& path, const std::string& digest);
/// What was renamed, dropped, is missing or unexpected.
std::string mapping_text(const ResNetMapping& mapping);
/// Shape, dtype (by source name), mean and deviation of every tensor.
std::string tensor_table(const ResNetMapping& mapping,
                         const std::map<std::string, std::string>& dtypes);
/// Parameters by stage and in all.
std::string totals_text(const ResNetMapping& mapping);

}  // namespace frost
