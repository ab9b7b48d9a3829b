#pragma once

#include <string>

#include "engine/io/rgb_image.h"
#include "rl/environment.h"
#include "rl/envs/durotaxis/colony.h"
#include "rl/envs/durotaxis/substrate.h"

namespace frost {

/// How large frames are.
inline constexpr int kFieldPixels = 720;  ///< longer side of the field

/// A picture of a colony for people: the field from light (soft) to dark (stiff), the line that
/// ends an episode in success, edges from parent to child, cells by what `decisions` has them do,
/// paler while they are young, roots in a ring, marked cells with a dark dot. `decisions` is that
/// of a joint action, one per cell, or null where the colony is at its end. Two captions above, a
/// legend below; the size depends on the field alone.
RgbImage draw_frame(const Colony& colony, const Substrate& field, const Action* joint_action,
                    const std::string& title, const std::string& numbers);

}  // namespace frost
