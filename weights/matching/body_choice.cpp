#include "weights/matching/body_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "engine/io/printable.h"
#include "kernels/errors.h"
#include "weights/matching/modules.h"

namespace frost {
namespace {

/// Words in names of encoders that follow the trained one; those of self-supervised training.
constexpr std::string_view kTwins[] = {"momentum", "target", "k", "key", "slow"};
/// The same of any training.
constexpr std::string_view kAverages[] = {"ema", "teacher", "averaged", "swa"};

bool among(const auto& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

/// Whether one of the words of `path` is in `list`: letters between dots, underscores and digits.
bool has_word(std::string_view path, const auto& list) {
  std::string word;
  for (const char c : path) {
    if (std::isalpha(static_cast<unsigned char>(c))) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else {
      if (among(list, word)) return true;
      word.clear();
    }
  }
  return among(list, word);
}

bool is_follower(const BodyPlace& place) {
  return has_word(place.path, kTwins) || has_word(place.path, kAverages);
}

/// Whether a momentum or target twin lies beside a body that is trained.
bool has_twin(const std::vector<BodyPlace>& places) {
  return std::ranges::any_of(places, [](const BodyPlace& p) { return has_word(p.path, kTwins); }) &&
         !std::ranges::all_of(places, is_follower);
}

std::string place_name(const BodyPlace& place) {
  return place.path.empty() ? "the top" : printable(place.path + ".");
}

std::string place_list(const std::vector<BodyPlace>& places) {
  constexpr std::size_t kShown = 6;
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < std::min(kShown, places.size()); ++i) {
    shown.push_back(place_name(places[i]));
  }
  return fmt::format("{}{}", fmt::join(shown, ", "), places.size() > kShown ? ", ..." : "");
}

bool same_values(const BodyPlace& a, const BodyPlace& b, const StateDict& source) {
  return std::equal(a.names.begin(), a.names.end(), b.names.begin(), b.names.end(),
                    [&](const auto& x, const auto& y) {
                      const HostTensor& s = source.at(x.first);
                      const HostTensor& t = source.at(y.first);
                      return x.second == y.second && s.dtype == t.dtype && s.shape == t.shape &&
                             s.bytes == t.bytes;
                    });
}

}  // namespace

std::optional<BodyChoice> choose_body(const std::vector<BodyPlace>& found,
                                      const std::string& prefix, const StateDict& source) {
  const std::string below = prefix.ends_with('.') ? prefix.substr(0, prefix.size() - 1) : prefix;
  std::vector<BodyPlace> left = found;
  std::erase_if(left, [&](const BodyPlace& p) { return !lies_below(p.path, below); });
  if (left.empty() && !found.empty()) {
    fail("map_resnet", fmt::format("no complete body lies below {}; there is one at {}",
                                   printable(prefix), place_list(found)));
  }
  if (left.empty()) return std::nullopt;
  BodyChoice choice;
  choice.self_supervised = has_twin(found);  // below a prefix the twin is out of sight
  std::vector<BodyPlace> followers;
  std::copy_if(left.begin(), left.end(), std::back_inserter(followers), is_follower);
  if (!followers.empty() && followers.size() < left.size()) {
    std::erase_if(left, is_follower);
    choice.notes.push_back(fmt::format("took the body at {}, not that at {}, which follows it",
                                       place_name(left[0]), place_list(followers)));
  }
  for (const BodyPlace& other : left) {
    if (same_values(other, left[0], source)) continue;
    fail("map_resnet", fmt::format("{} complete bodies of different values, at {}: import it with "
                                   "import_weights --prefix PLACE",
                                   left.size(), place_list(left)));
  }
  if (left.size() > 1) {
    choice.notes.push_back(
        fmt::format("{} equal bodies; took that at {}", left.size(), place_name(left[0])));
  }
  choice.body = std::move(left[0]);
  return choice;
}

}  // namespace frost
