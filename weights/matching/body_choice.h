#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/state_dict.h"
#include "weights/matching/body_search.h"

namespace frost {

/// The one of several bodies that is taken.
struct BodyChoice {
  BodyPlace body;
  bool self_supervised = false;    ///< a momentum or target twin lies beside it
  std::vector<std::string> notes;  ///< what it was chosen over, and why
};

/// Chooses among `found` what lies below `prefix` (empty: anywhere): the one that is trained, never
/// an average or a slow twin of it (`momentum`, `ema`, `target`, `teacher`, `encoder_k`) unless it
/// is alone. Nothing where none is left. Throws Error naming the places where several differ in
/// their values.
std::optional<BodyChoice> choose_body(const std::vector<BodyPlace>& found,
                                      const std::string& prefix, const StateDict& source);

}  // namespace frost
