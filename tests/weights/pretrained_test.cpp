#include "weights/pretrained.h"

#include <gtest/gtest.h>

#include "tests/golden/closed_form_resnet.h"
#include "tests/weights/weight_file_helpers.h"
#include "weights/safetensors.h"

namespace frost {
namespace {

using test::refuses;

class Pretrained : public testing::Test {
 protected:
  static StateDict below(const std::string& prefix, const StateDict& tensors) {
    StateDict out;
    for (const auto& [name, tensor] : tensors) {
      if (!name.starts_with("fc.")) out[prefix + name] = tensor;
    }
    return out;
  }
  std::string write(const StateDict& tensors,
                    const std::map<std::string, std::string>& metadata = {}) const {
    const auto path = folder_ / "file.safetensors";
    write_safetensors(path, {tensors, metadata});
    return path.string();
  }

  test::TemporaryFolder folder_;
  const StateDict whole_ = closed_form_resnet(18);
};

TEST_F(Pretrained, AFileWithTorchvisionsNamesNeedsNoWordAndOthersGetALine) {
  EXPECT_EQ(mapping_summary(read_pretrained(write(below("", whole_)))).find("below"),
            std::string::npos);
  const PretrainedWeights found =
      find_pretrained_weights(write(below("backbone.", whole_)), "resnet18");
  EXPECT_EQ(found.sha256.size(), 64u);
  EXPECT_EQ(found.mapping.tensors.size(), 100u);
  const std::string summary = mapping_summary(found);
  EXPECT_NE(summary.find("resnet18 of 100 tensors"), std::string::npos) << summary;
  EXPECT_NE(summary.find("100 under another name"), std::string::npos) << summary;
  EXPECT_EQ(summary.find('\n'), std::string::npos);
}

TEST_F(Pretrained, AnotherArchitectureIsOneLineNamingBoth) {
  const std::string path = write(below("", whole_));
  EXPECT_TRUE(refuses([&] { find_pretrained_weights(path, "resnet50"); },
                      "holds a resnet18, the network has bodies of resnet50: set "
                      "actor_critic.backbone.architecture to resnet18"));
}

TEST_F(Pretrained, TheWeightsStayWhenTheFileShrinks) {
  const std::string path = write(below("", whole_));
  const PretrainedWeights found = read_pretrained(path);
  std::filesystem::resize_file(path, 0);
  EXPECT_TRUE(test::same_tensors(found.mapping.tensors, below("", whole_)));
}

TEST_F(Pretrained, SourceLicenceAndPreprocessingTravelIntoTheBlob) {
  Preprocessing p;
  p.mean = {0.5f, 0.5f, 0.5f};
  std::map<std::string, std::string> metadata = {{"licence", "CC-BY-NC"}, {"source", "a lab"}};
  metadata["preprocessing.mean"] = "0.5 0.5 0.5";
  PretrainedWeights found = read_pretrained(write(below("", whole_), metadata));
  EXPECT_EQ(found.preprocessing, p);
  const std::string digest = found.sha256;
  const SafetensorsFile blob = to_blob(std::move(found));
  EXPECT_EQ(blob.metadata.at("licence"), "CC-BY-NC");
  EXPECT_EQ(blob.metadata.at("source"), "a lab");
  EXPECT_EQ(blob.metadata.at("source_sha256"), digest);
  EXPECT_EQ(blob.metadata.at("architecture"), "resnet18");
  EXPECT_EQ(blob.metadata.at("preprocessing.mean"), "0.5 0.5 0.5");
  EXPECT_EQ(blob.metadata.at("preprocessing.crop"), "224");
}

}  // namespace
}  // namespace frost
