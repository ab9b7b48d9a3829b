#pragma once

#include <string_view>

namespace frost {

// The files of this folder that are part of every page, as the build has read them.

extern const std::string_view kPageHtml, kPageStyle, kCurvesHtml, kCurvesScript;

}  // namespace frost
