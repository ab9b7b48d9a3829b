#pragma once

#include <string>
#include <vector>

#include "tools/config/config_binding.h"

namespace frost {

/// A freeze mode; whether the configured bodies have it, `find_conflict` says.
ConfigKey freeze_mode_key(std::string path, Member<std::string> member, std::string doc);
/// "none, all, ..., layerN.M", what modes there are of any body.
std::string freeze_mode_forms();

/// The list of later freeze modes, by rising update.
ConfigKey freeze_schedule_key(std::string path, Member<std::vector<FreezeStep>> member,
                              std::string doc);

/// The learning-rate schedules of single groups, one at most for each.
ConfigKey group_schedules_key(std::string path, Member<std::vector<GroupLrSchedule>> member,
                              std::string doc);
/// The kind of the common schedule.
ConfigKey lr_kind_key(std::string path, std::string doc);

}  // namespace frost
