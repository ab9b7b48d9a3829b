#pragma once

#include <string>
#include <vector>

#include "rl/envs/durotaxis/durotaxis.h"

namespace frost {

// The colony as rows of tables (docs/durotaxis.md, "Trajectories"): column names, and fields as
// text, empty where one does not apply.

/// Counts and places of the whole colony.
std::vector<std::string> colony_columns();
std::vector<std::string> colony_row(const Colony& colony);

/// The terms of a step's reward.
std::vector<std::string> reward_term_columns();
std::vector<std::string> reward_term_row(const RewardTerms& terms);

/// One row per cell; without a joint action its decision fields stay empty.
std::vector<std::string> cell_columns();
std::vector<std::vector<std::string>> cell_rows(const Colony& colony, const Action* joint_action,
                                                const SpawnParameters& fixed);

}  // namespace frost
