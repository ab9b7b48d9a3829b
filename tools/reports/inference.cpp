#include "tools/reports/inference.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <sstream>
#include "engine/io/atomic_file.h"
#include "engine/layers/image_layout.h"
#include "kernels/backend_registry.h"
#include "kernels/errors.h"
#include "kernels/parallel_for.h"
#include "models/resnet.h"
#include "tools/images/image.h"
#include "tools/reports/csv.h"
#include "weights/npy.h"
#include "weights/pretrained.h"

namespace frost {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBatch = 16;

/// One network input, [3, height, width].
struct Sample {
  std::string name;
  std::int64_t height, width;
  std::vector<float> values;
};

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension;
}

/// What is in a folder, without hidden entries.
struct FolderContent {
  std::vector<fs::path> images;  ///< in order of their names
  int folders = 0, others = 0;
};

FolderContent look_into(const fs::path& folder) {
  FolderContent content;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    // Among them the files that macOS puts beside pictures: "._a.jpg".
    if (entry.path().filename().string().starts_with('.')) continue;
    const std::string extension = lower_extension(entry.path());
    if (entry.is_directory()) {
      ++content.folders;
    } else if (extension == ".jpg" || extension == ".jpeg" || extension == ".png") {
      content.images.push_back(entry.path());
    } else {
      ++content.others;
    }
  }
  std::sort(content.images.begin(), content.images.end());
  return content;
}

/// "1 folder and 2 other files".
std::string skipped_text(const FolderContent& content) {
  const auto counted = [](int count, const char* what) {
    return count == 0 ? "" : fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
  };
  const char* both = content.folders > 0 && content.others > 0 ? " and " : "";
  return counted(content.folders, "folder") + both + counted(content.others, "other file");
}

std::vector<fs::path> images_of(const std::string& folder, const NoteSink& note) {
  FolderContent content = look_into(folder);
  const std::string skipped = skipped_text(content);
  if (content.images.empty()) {
    throw Error(fmt::format("{} holds no .jpg, .jpeg or .png file{}{}{}", folder,
                            skipped.empty() ? "" : ", but ", skipped,
                            content.folders > 0 ? ": name the folders themselves" : ""));
  }
  if (!skipped.empty()) {
    note(fmt::format("note: {}: skipped {}, taking .jpg, .jpeg and .png files", folder, skipped));
  }
  return std::move(content.images);
}

/// The files to read; a folder stands for its images.
std::vector<fs::path> list_files(const std::vector<std::string>& inputs, const NoteSink& note) {
  std::vector<fs::path> files;
  for (const std::string& input : inputs) {
    if (!fs::is_directory(input)) {
      files.emplace_back(input);
      continue;
    }
    const std::vector<fs::path> images = images_of(input, note);
    files.insert(files.end(), images.begin(), images.end());
  }
  return files;
}

std::vector<Sample> read_array(const fs::path& path) {
  const NpyArray array = read_npy(path);
  const std::size_t rank = array.shape.size();
  if ((rank != 3 && rank != 4) || array.shape[rank - 3] != 3 || array.values.empty()) {
    throw Error(fmt::format("{} is {}, expected [3,h,w] or [n,3,h,w]", path.string(),
                            to_string(array.shape)));
  }
  const auto bad = std::find_if(array.values.begin(), array.values.end(),
                                [](float v) { return !std::isfinite(v); });
  if (bad != array.values.end()) {
    throw Error(
        fmt::format("{} is not finite at index {}", path.string(), bad - array.values.begin()));
  }
  const std::int64_t count = rank == 4 ? array.shape[0] : 1;
  const std::int64_t height = array.shape[rank - 2], width = array.shape[rank - 1];
  const std::int64_t size = 3 * height * width;
  std::vector<Sample> samples;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string name = rank == 4 ? fmt::format("{}[{}]", path.string(), i) : path.string();
    samples.push_back({name,
                       height,
                       width,
                       {array.values.begin() + i * size, array.values.begin() + (i + 1) * size}});
  }
  return samples;
}

/// An array is the network's input as it is; a picture is prepared.
std::vector<Sample> read_samples(const fs::path& path, const Preprocessing& preprocessing) {
  if (lower_extension(path) == ".npy") return read_array(path);
  const std::int64_t side = preprocessing.crop;
  return {{path.string(), side, side, network_input(load_image(path), preprocessing)}};
}

/// What the network said about all inputs, in their order.
struct Results {
  std::vector<std::string> names;
  std::vector<float> logits;    ///< [n, classes]; empty without a classifier
  std::vector<float> features;  ///< [n, ...] as `feature_shape`
  Shape feature_shape;          ///< of one input; NCHW without n
};

void require_colour(const ResNetMapping& mapping, const std::string& origin) {
  const Shape& stem = mapping.tensors.at("conv1.weight").shape;
  if (stem[1] == 3) return;
  throw Error(fmt::format(
      "{} has a stem for one channel (conv1.weight {}), as runs with input_adapter: 1ch_conv make "
      "it: infer needs one for three",
      origin, to_string(stem)));
}

/// The network and what is asked of it.
class Inference {
 public:
  Inference(Backend& backend, const InferOptions& options, const PretrainedWeights& weights)
      : Inference(backend, options, weights.mapping) {}

  /// 0 without a classifier.
  std::int64_t classes() const { return classes_; }

  /// Samples of one size.
  void run(const std::vector<Sample>& batch, Results& results) {
    const NoGradGuard no_grad;
    const auto n = static_cast<std::int64_t>(batch.size());
    const std::int64_t height = batch[0].height, width = batch[0].width;
    std::vector<float> nchw;
    for (const Sample& sample : batch) {
      nchw.insert(nchw.end(), sample.values.begin(), sample.values.end());
      results.names.push_back(sample.name);
    }
    const Tensor images = Tensor::from_host(backend_, {n, height, width, 3},
                                            nchw_to_nhwc(nchw, {n, 3, height, width}));
    const Tensor map = network_.body.features(images, 4);
    const Tensor pooled = global_avg_pool(map);
    if (classes_ > 0) {
      const std::vector<float> logits = network_.logits(pooled).to_host();
      results.logits.insert(results.logits.end(), logits.begin(), logits.end());
    }
    if (layer_ == "pool") add_features(pooled, batch[0], results);
    if (layer_ == "layer4") add_features(map, batch[0], results);
    if (layer_ == "layer1" || layer_ == "layer2" || layer_ == "layer3") {
      add_features(network_.body.features(images, layer_.back() - '0'), batch[0], results);
    }
  }

 private:
  Inference(Backend& backend, const InferOptions& options, const ResNetMapping& mapping)
      : backend_(backend),
        network_(backend, mapping.depth, mapping.classes),
        layer_(options.features.empty() ? "" : options.layer),
        classes_(mapping.classes) {
    if (classes_ > 0) {
      network_.load(mapping.tensors);
    } else if (layer_.empty() || layer_ == "fc" || !options.logits.empty()) {
      throw Error(
          options.weights +
          " holds no classifier (fc): only --features with --layer pool or layer1..4 works");
    } else {
      network_.body.load(mapping.tensors);
    }
  }

  static void add_features(const Tensor& tensor, const Sample& first, Results& results) {
    const Shape& s = tensor.shape();
    const Shape shape = s.size() == 4 ? Shape{s[3], s[1], s[2]} : Shape{s[1]};
    if (results.feature_shape.empty()) results.feature_shape = shape;
    if (shape != results.feature_shape) {
      throw Error(
          fmt::format("features of {} are {}, those before {}: one file holds inputs of "
                      "one size only",
                      first.name, to_string(shape), to_string(results.feature_shape)));
    }
    std::vector<float> values = tensor.to_host();
    if (s.size() == 4) values = nhwc_to_nchw(values, s);
    results.features.insert(results.features.end(), values.begin(), values.end());
  }

  Backend& backend_;
  ResNetClassifier network_;
  std::string layer_;  ///< empty: no features wanted
  std::int64_t classes_;
};

Results infer_all(Inference& inference, const std::vector<fs::path>& files,
                  const Preprocessing& preprocessing) {
  Results results;
  std::vector<Sample> batch;
  const auto flush = [&] {
    if (!batch.empty()) inference.run(batch, results);
    batch.clear();
  };
  for (const fs::path& file : files) {
    for (Sample& sample : read_samples(file, preprocessing)) {
      const bool fits =
          batch.empty() || (batch[0].height == sample.height && batch[0].width == sample.width);
      if (!fits || batch.size() == kBatch) flush();
      batch.push_back(std::move(sample));
    }
  }
  flush();
  return results;
}

/// Class names by index; empty where no file was given and none of these `classes` is found.
std::map<std::int64_t, std::string> read_labels(std::string path, std::int64_t classes) {
  if (path.empty()) {
    if (classes != kImagenetClasses) return {};
    const char* data = std::getenv("FROST_DATA");
    if (data == nullptr || *data == '\0') return {};
    path = (fs::path(data) / "weights/imagenet_classes.csv").string();
    if (!fs::exists(path)) return {};
  }
  constexpr std::uint64_t kLargest = 1 << 24;
  const std::vector<std::byte> bytes = read_regular_file(path, kLargest);
  std::istringstream lines(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> header = split_csv_line(line);
  const auto index_at = std::find(header.begin(), header.end(), "class_index") - header.begin();
  const auto label_at = std::find(header.begin(), header.end(), "label") - header.begin();
  const auto columns = static_cast<std::ptrdiff_t>(header.size());
  if (index_at == columns || label_at == columns) {
    throw Error(path + ": expected a first line with the columns class_index and label");
  }
  std::map<std::int64_t, std::string> labels;
  for (int number = 2; std::getline(lines, line); ++number) {
    const std::vector<std::string> fields = split_csv_line(line);
    if (fields.size() != header.size()) {
      throw Error(fmt::format("{}:{}: {} fields, the first line has {}", path, number,
                              fields.size(), header.size()));
    }
    std::istringstream text(fields[static_cast<std::size_t>(index_at)]);
    std::int64_t index = 0;
    if (!(text >> index)) throw Error(fmt::format("{}:{}: no class index", path, number));
    labels[index] = fields[static_cast<std::size_t>(label_at)];
  }
  return labels;
}

std::vector<double> softmax(std::span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> p;
  for (const float l : logits) p.push_back(std::exp(l - largest));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& value : p) value /= sum;
  return p;
}

std::string prediction_table(const Results& results, std::int64_t classes, int top,
                             const std::map<std::int64_t, std::string>& labels) {
  std::string table = "file,rank,class_index,label,probability\n";
  const auto row = static_cast<std::size_t>(classes);
  for (std::size_t i = 0; i * row < results.logits.size(); ++i) {
    const std::vector<double> p = softmax(std::span(results.logits).subspan(i * row, row));
    std::vector<std::int64_t> order(row);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return p[static_cast<std::size_t>(a)] > p[static_cast<std::size_t>(b)];
    });
    for (std::size_t rank = 0; rank < std::min(row, static_cast<std::size_t>(top)); ++rank) {
      const std::int64_t c = order[rank];
      const auto label = labels.find(c);
      table += fmt::format("{},{},{},{},{:.6f}\n", csv_field(results.names[i]), rank + 1, c,
                           label == labels.end() ? "" : csv_field(label->second),
                           p[static_cast<std::size_t>(c)]);
    }
  }
  return table;
}

}  // namespace

std::string infer(const InferOptions& options, const NoteSink& note) {
  const std::vector<fs::path> files = list_files(options.inputs, note);
  set_thread_budget(options.threads);
  std::string reason;
  PretrainedWeights weights = read_pretrained(options.weights);
  require_colour(weights.mapping, options.weights);
  Inference inference(select_backend(options.device, reason), options, weights);
  const auto labels = read_labels(options.labels, inference.classes());
  if (const std::string mapping = mapping_summary(weights); !mapping.empty()) {
    note("note: " + options.weights + ": " + mapping);
  }
  weights.mapping.tensors.clear();
  Results results = infer_all(inference, files, weights.preprocessing);

  // Everything is computed: only now is anything written.
  const auto count = static_cast<std::int64_t>(results.names.size());
  if (!options.features.empty()) {
    Shape shape{count};
    const bool fc = options.layer == "fc";
    if (fc) results.feature_shape = {inference.classes()};
    shape.insert(shape.end(), results.feature_shape.begin(), results.feature_shape.end());
    write_npy(options.features, {shape, fc ? results.logits : results.features});
  }
  if (!options.logits.empty())
    write_npy(options.logits, {{count, inference.classes()}, results.logits});
  return results.logits.empty()
             ? ""
             : prediction_table(results, inference.classes(), options.top, labels);
}

}  // namespace frost
