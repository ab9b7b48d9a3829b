#pragma once

#include <string>
#include <string_view>

namespace frost {

/// Text from a file made safe for one line of a message: in single quotes, bytes outside printable
/// ASCII as \xNN, cut after 96 bytes.
std::string printable(std::string_view text);

}  // namespace frost
