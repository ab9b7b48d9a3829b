#include "tools/reports/events/event_summary.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "engine/io/protobuf.h"

namespace frost {
namespace {

using protobuf::append_bytes;
using protobuf::append_double;
using protobuf::append_integer;

// Messages by their fields' numbers.

/// TensorProto of one element: 1 dtype, 2 tensor_shape {2 dim {1 size}}, and its value.
std::string tensor_of_one(int type, const std::string& value_field) {
  std::string dim, shape, tensor;
  append_integer(dim, 1, 1);
  append_bytes(shape, 2, dim);
  append_integer(tensor, 1, type);
  append_bytes(tensor, 2, shape);
  return tensor + value_field;
}

constexpr int kFloat = 1, kString = 7;  // DataType

/// What the hparams plugin wants beside its content, which is elsewhere.
std::string no_tensor() {
  std::string value;
  protobuf::append_float(value, 5, 0);
  return tensor_of_one(kFloat, value);
}

/// google.protobuf.Value: 2 number_value, 3 string_value, 4 bool_value.
std::string value_of(const HyperParameter& parameter) {
  std::string value;
  if (const auto* number = std::get_if<double>(&parameter.value)) {
    append_double(value, 2, *number);
  } else if (const auto* flag = std::get_if<bool>(&parameter.value)) {
    append_integer(value, 4, *flag);
  } else {
    append_bytes(value, 3, std::get<std::string>(parameter.value));
  }
  return value;
}

/// HParamInfo: 1 name, 4 type.
std::string info_of(const HyperParameter& parameter) {
  constexpr std::array<int, 3> kTypes = {1, 3, 2};  // of string, double and bool
  std::string info;
  append_bytes(info, 1, parameter.name);
  append_integer(info, 4, kTypes[parameter.value.index()]);
  return info;
}

/// MetricInfo: 1 name {2 tag}.
std::string metric_info(const std::string& tag) {
  std::string name, info;
  append_bytes(name, 2, tag);
  append_bytes(info, 1, name);
  return info;
}

/// HParamsPluginData, whose version is 0: one of 2 experiment, 3 session_start_info, 4
/// session_end_info.
std::string plugin_data(int field, const std::string& message) {
  std::string data;
  append_bytes(data, field, message);
  return data;
}

}  // namespace

void EventSummary::add_value(std::string_view tag, const std::string& fields) {
  std::string value;
  append_bytes(value, 1, tag);
  append_bytes(bytes_, 1, value + fields);
}

void EventSummary::add_scalar(std::string_view tag, double value) {
  if (std::isnan(value)) return;
  std::string field;
  protobuf::append_float(field, 2, static_cast<float>(value));
  add_value(tag, field);
}

void EventSummary::add_histogram(std::string_view tag, const std::vector<float>& values) {
  constexpr std::size_t kBins = 30;
  double low = HUGE_VAL, high = -HUGE_VAL, sum = 0, squares = 0, count = 0;
  for (const float v : values) {
    if (!std::isfinite(v)) continue;
    low = std::min<double>(low, v);
    high = std::max<double>(high, v);
    sum += v;
    squares += double{v} * v;
    ++count;
  }
  if (count == 0) return;
  const double width = (high - low) / kBins;
  std::array<double, kBins> counts{};
  for (const float v : values) {
    if (!std::isfinite(v)) continue;
    const double bin = width > 0 ? (v - low) / width : 0;
    ++counts[std::min(kBins - 1, static_cast<std::size_t>(bin))];
  }
  // HistogramProto: 1 min, 2 max, 3 num, 4 sum, 5 sum_squares, 6 bucket_limit, 7 bucket.
  std::string histogram, limits, buckets, field;
  const std::pair<int, double> numbers[] = {
      {1, low}, {2, high}, {3, count}, {4, sum}, {5, squares}};
  for (const auto& [number, value] : numbers) append_double(histogram, number, value);
  const auto append_raw = [](std::string& out, double value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  for (std::size_t i = 0; i < kBins; ++i) {
    append_raw(limits, i + 1 == kBins ? high : low + width * static_cast<double>(i + 1));
    append_raw(buckets, counts[i]);
  }
  append_bytes(histogram, 6, limits);
  append_bytes(histogram, 7, buckets);
  append_bytes(field, 5, histogram);
  add_value(tag, field);
}

void EventSummary::add_picture(std::string_view tag, std::string_view png, int width, int height) {
  constexpr int kRgb = 3;
  std::string image, field;  // Image: 1 height, 2 width, 3 colorspace, 4 encoded_image_string
  append_integer(image, 1, height);
  append_integer(image, 2, width);
  append_integer(image, 3, kRgb);
  append_bytes(image, 4, png);
  append_bytes(field, 4, image);
  add_value(tag, field);
}

void EventSummary::add_of_plugin(std::string_view tag, std::string_view plugin,
                                 std::string_view content, const std::string& tensor) {
  // Value: 8 tensor, 9 metadata {1 plugin_data {1 plugin_name, 2 content}}.
  std::string data, metadata, fields;
  append_bytes(data, 1, plugin);
  append_bytes(data, 2, content);
  append_bytes(metadata, 1, data);
  append_bytes(fields, 8, tensor);
  append_bytes(fields, 9, metadata);
  add_value(tag, fields);
}

void EventSummary::add_text(std::string_view tag, std::string_view markdown) {
  std::string value;
  append_bytes(value, 8, markdown);
  add_of_plugin(tag, "text", "", tensor_of_one(kString, value));
}

void EventSummary::add_hyper_parameters(const std::vector<HyperParameter>& parameters,
                                        const std::vector<std::string>& metrics, double seconds) {
  // Experiment: 4 hparam_infos, 5 metric_infos. SessionStartInfo: 1 hparams, a map of 1 key and 2
  // value, 5 start_time_secs.
  std::string experiment, start;
  for (const HyperParameter& parameter : parameters) {
    append_bytes(experiment, 4, info_of(parameter));
    std::string entry;
    append_bytes(entry, 1, parameter.name);
    append_bytes(entry, 2, value_of(parameter));
    append_bytes(start, 1, entry);
  }
  for (const std::string& tag : metrics) append_bytes(experiment, 5, metric_info(tag));
  append_double(start, 5, seconds);
  add_of_plugin("_hparams_/experiment", "hparams", plugin_data(2, experiment), no_tensor());
  add_of_plugin("_hparams_/session_start_info", "hparams", plugin_data(3, start), no_tensor());
}

void EventSummary::add_end(double seconds) {
  constexpr int kSuccess = 1;
  std::string end;  // SessionEndInfo: 1 status, 2 end_time_secs
  append_integer(end, 1, kSuccess);
  append_double(end, 2, seconds);
  add_of_plugin("_hparams_/session_end_info", "hparams", plugin_data(4, end), no_tensor());
}

}  // namespace frost
