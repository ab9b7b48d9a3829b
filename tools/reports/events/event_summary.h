#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace frost {

/// A setting of a run for TensorBoard's table of hyper-parameters.
struct HyperParameter {
  std::string name;
  std::variant<std::string, double, bool> value;
};

/// The values of one step for TensorBoard: a protobuf `Summary`, as TensorFlow's summary.proto and
/// the hparams plugin's plugin_data.proto define it.
class EventSummary {
 public:
  /// A value that is NaN is left out.
  void add_scalar(std::string_view tag, double value);
  /// 30 bins of equal width from the smallest to the largest value; values that are not finite are
  /// left out, and nothing is added where none is left.
  void add_histogram(std::string_view tag, const std::vector<float>& values);
  void add_picture(std::string_view tag, std::string_view png, int width, int height);
  /// Text in Markdown.
  void add_text(std::string_view tag, std::string_view markdown);
  /// What a session of this run was begun with at `seconds` since 1970, and the tags of the scalars
  /// that show how well that went.
  void add_hyper_parameters(const std::vector<HyperParameter>& parameters,
                            const std::vector<std::string>& metrics, double seconds);
  /// The session ended in success.
  void add_end(double seconds);

  bool empty() const { return bytes_.empty(); }
  const std::string& bytes() const { return bytes_; }

 private:
  void add_value(std::string_view tag, const std::string& fields);
  void add_of_plugin(std::string_view tag, std::string_view plugin, std::string_view content,
                     const std::string& tensor);

  std::string bytes_;
};

}  // namespace frost
