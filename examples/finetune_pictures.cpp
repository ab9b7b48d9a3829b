// Fine-tunes a pretrained ResNet on a folder of pictures. The body is frozen, so its features are
// computed once and further epochs of the head cost next to nothing; then the last block trains
// too. Every second picture is held out.
//
//     finetune_pictures WEIGHTS FOLDER LABELS      LABELS: CSV lines "file,label" below a header
#include <frostline/engine/accuracy.h>
#include <frostline/engine/layers/image_layout.h>
#include <frostline/engine/layers/layers.h>
#include <frostline/engine/optim/adam.h>
#include <frostline/kernels/backend_registry.h>
#include <frostline/models/freeze.h>
#include <frostline/models/frozen_prefix.h>
#include <frostline/models/resnet.h>
#include <frostline/tools/images/image.h>
#include <frostline/weights/pretrained.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>

using frost::Tensor;
struct Pictures {
  Tensor images, labels;
};

// Every second picture of the list, prepared as the weights want it.
Pictures read_pictures(const std::string& folder, const std::string& csv, int first,
                       const frost::Preprocessing& preprocessing,
                       std::map<std::string, int>& classes) {
  const std::int64_t side = preprocessing.crop;
  std::vector<float> pixels;
  std::vector<std::int32_t> labels;
  std::ifstream lines(csv);
  std::string line;
  for (int i = -1; std::getline(lines, line); ++i) {
    if (i % 2 != first) continue;  // the header is line -1
    const std::size_t comma = line.find(',');
    const auto picture = frost::load_image(folder + "/" + line.substr(0, comma));
    const auto hwc = frost::nchw_to_nhwc(network_input(picture, preprocessing), {1, 3, side, side});
    pixels.insert(pixels.end(), hwc.begin(), hwc.end());
    labels.push_back(classes.emplace(line.substr(comma + 1), classes.size()).first->second);
  }
  return {Tensor::from_host(frost::cpu_backend(), {std::ssize(labels), side, side, 3}, pixels),
          Tensor::from_host(frost::cpu_backend(), std::span<const std::int32_t>(labels))};
}

// Full-batch epochs on `seen`; prints the share of `unseen` that is right afterwards.
void train(frost::FrozenPrefix& prefix, frost::Linear& head, frost::Adam& adam, int epochs,
           const Pictures& seen, const Pictures& unseen) {
  Tensor features;  // of the frozen prefix, kept over the epochs
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    if (epoch == 1) features = prefix.run(seen.images);
    const Tensor loss = cross_entropy(head(prefix.forward(features)), seen.labels);
    adam.zero_grad();
    frost::backward(loss);
    adam.step(1.0);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (epoch < 3) std::printf("epoch %d: %.4f s\n", epoch, took.count());
  }
  const frost::NoGradGuard no_grad;
  const Tensor logits = head(prefix.forward(prefix.run(unseen.images)));
  std::printf("right on unseen pictures: %.1f %%\n", 100 * accuracy(logits, unseen.labels));
}

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: finetune_pictures WEIGHTS FOLDER LABELS\n"), 2;
  const frost::PretrainedWeights pretrained = frost::read_pretrained(argv[1]);
  const frost::Preprocessing& preprocessing = pretrained.preprocessing;
  std::map<std::string, int> classes;
  const Pictures seen = read_pictures(argv[2], argv[3], 0, preprocessing, classes);
  const Pictures unseen = read_pictures(argv[2], argv[3], 1, preprocessing, classes);
  const int depth = pretrained.mapping.depth;
  frost::ResNet body(frost::cpu_backend(), depth, 3);
  body.load(pretrained.mapping.tensors);
  frost::Linear head(frost::cpu_backend(), body.spec().features(), std::ssize(classes));
  frost::FrozenPrefix prefix({&body}, {preprocessing.crop, preprocessing.crop, 3});
  const std::string last_block = "layer4." + std::to_string(body.spec().blocks[3] - 1);
  for (const std::string& mode : {std::string("all"), last_block}) {
    apply_freeze_mode(body, frost::find_freeze_mode(mode, depth));
    frost::Adam adam({{"head", 1e-2, head.trainable_parameters("fc.")},
                      {"body", 1e-4, body.trainable_parameters()}});
    std::printf("freeze mode: %s\n", mode.c_str());
    train(prefix, head, adam, 20, seen, unseen);
  }
}
