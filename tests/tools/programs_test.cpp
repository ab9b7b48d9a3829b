#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/golden_files.h"
#include "tests/tools/programs_fixture.h"
#include "tests/weights/pickle_text.h"
#include "tools/reports/csv.h"
#include "weights/npy.h"

namespace frost {
namespace {

constexpr const char* kPrograms[] = {"train",           "evaluate",       "verify_freezing",
                                     "bench_freeze",    "infer",          "import_weights",
                                     "inspect_weights", "export_weights", "study"};

TEST_F(ProgramsTest, EveryProgramPrintsItsHelpAndSucceeds) {
  for (const char* program : kPrograms) {
    SCOPED_TRACE(program);
    const Outcome outcome = run(program, {"--help"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_NE(outcome.out.find("--help"), std::string::npos);
    EXPECT_EQ(outcome.err, "");
  }
}

TEST_F(ProgramsTest, EveryProgramRefusesAnUnknownOption) {
  for (const char* program : kPrograms) {
    std::vector<std::string> arguments = {"x", "y", "--no-such-option"};
    if (program == std::string("export_weights")) {  // its options are required
      arguments = {"x", "--part", "actor", "-o", "y", "--no-such-option"};
    }
    expect_refusal(program, arguments, 2, "--no-such-option");
  }
}

TEST_F(ProgramsTest, AMisspeltKeyIsRefusedWithTheNearestOne) {
  for (const char* program : {"train", "verify_freezing", "bench_freeze"}) {
    expect_refusal(program, {tiny_, "--set", "algorithm.clip_epsilom=0.1"}, 2,
                   "did you mean 'algorithm.clip_epsilon'?");
  }
  expect_refusal("evaluate", {"--policy", "random", tiny_, "--set", "algorithm.clip_epsilom=0.1"},
                 2, "clip_epsilon'?");
}

TEST_F(ProgramsTest, AnUnknownFreezeModeIsRefusedWithTheValidOnes) {
  for (const char* program : {"train", "verify_freezing"}) {
    expect_refusal(program, {tiny_, "--set", "actor_critic.backbone.freeze_mode=half"}, 2,
                   "none, all, until_layer1, until_layer2");
  }
  expect_refusal("bench_freeze", {tiny_, "--modes", "none,half"}, 2,
                 "none, all, until_layer1, until_layer2");
}

TEST_F(ProgramsTest, APrecisionThatTheCpuLacksIsRefused) {
  for (const std::string precision : {"tf32", "bf16"}) {
    for (const char* program : {"train", "verify_freezing", "bench_freeze"}) {
      expect_refusal(program, {tiny_, "--device", "cpu", "--set", "system.precision=" + precision},
                     2, "precision " + precision + " needs device cuda: the CPU computes in fp32");
    }
  }
}

TEST_F(ProgramsTest, ConfigurationFilesThatCannotBeReadAreRefused) {
  expect_refusal("train", {"no_such.yaml"}, 2, "no such configuration file");
  expect_refusal("train", {folder_.string()}, 2, "is a directory");
  expect_refusal("train", {"/proc/self/mem"}, 2, "cannot be read");
  expect_refusal("train", {write("bad.yaml", "trainer: {num_envs: [2\n")}, 2, "YAML syntax error");
  expect_refusal("train", {write("type.yaml", "trainer: {num_envs: many}\n")}, 2, "type.yaml:1");
}

TEST_F(ProgramsTest, MissingWeightsAreRefusedWithAWayToGetThem) {
  const std::vector<std::string> imagenet = {tiny_, "--set",
                                             "actor_critic.pretrained_weights=imagenet"};
  for (const char* program : {"train", "verify_freezing", "bench_freeze"}) {
    expect_refusal(program, imagenet, 1, "import_weights");
    expect_refusal(program, imagenet, 1,
                   "tried " + (folder_ / "weights/resnet18.safetensors").string());
  }
  expect_refusal("train", train_with_weights((folder_ / "none.safetensors").string()), 1,
                 "none.safetensors");
  expect_refusal("infer", {"none.safetensors", "x.npy"}, 1,
                 (folder_ / "none.safetensors").string());
}

TEST_F(ProgramsTest, DamagedWeightsAreRefused) {
  const std::string blob = write_blob("blob.safetensors");
  fs::resize_file(blob, fs::file_size(blob) / 2);
  const std::string nan = write_blob("nan.safetensors", [](StateDict& tensors) {
    std::vector<float> gamma(64, 1.0f);
    gamma[3] = std::numeric_limits<float>::quiet_NaN();
    tensors["bn1.weight"] = HostTensor::from_floats({64}, gamma);
  });
  const std::string short_by_one =
      write_blob("short.safetensors", [](StateDict& tensors) { tensors.erase("bn1.bias"); });

  expect_refusal("train", train_with_weights(blob), 1, "blob.safetensors");
  expect_refusal("train", train_with_weights(folder_.string()), 1, "without data.pkl");
  expect_refusal("train", train_with_weights(nan), 1, "'bn1.weight'[3] is nan");
  expect_refusal("train", train_with_weights(short_by_one), 1, "bn1.bias");
  for (const char* program : {"infer", "import_weights"}) {
    const std::string second = std::string(program) == "infer" ? "x.npy" : "-oout.safetensors";
    expect_refusal(program, {blob, second}, 1, "blob.safetensors");
    expect_refusal(program, {folder_.string(), second}, 1, "without data.pkl");
    expect_refusal(program, {nan, second}, 1, "bn1.weight");
    expect_refusal(program, {short_by_one, second}, 1, "bn1.bias");
  }
}

TEST_F(ProgramsTest, TrainingTakesWeightsAsTheyAreAndSaysWhatItMadeOfThem) {
  const std::string wrapped = write_blob("wrapped.safetensors", [](StateDict& tensors) {
    StateDict below;
    for (const auto& [name, tensor] : tensors) below["backbone." + name] = tensor;
    tensors = below;
  });
  std::vector<std::string> arguments = train_with_weights(wrapped);
  for (const char* word : {"--out", "run", "--set", "algorithm.total_updates=1", "--set",
                           "actor_critic.backbone.freeze_mode=all"}) {
    arguments.push_back(word);
  }
  const Outcome outcome = run("train", arguments);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const std::string log = read_text(folder_ / "run/run.log");
  EXPECT_NE(log.find("weights: resnet18 of 102 tensors"), std::string::npos) << log;
  EXPECT_NE(log.find("102 under another name"), std::string::npos) << log;
  EXPECT_NE(read_text(folder_ / "run/run.json").find("sha256"), std::string::npos);
}

TEST_F(ProgramsTest, InspectWeightsListsTheFolderOfAnUnpackedArchive) {
  fs::create_directories(folder_ / "x/data");
  write("x/data.pkl", test::state_of({}));
  write("x/data/0", test::kSixFloats);
  write("x/version", "3\n");
  const Outcome outcome = run("inspect_weights", {"x"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("unpacked torch zip: 1 tensors, 6 elements"), std::string::npos);
}

TEST_F(ProgramsTest, ThePreprocessingOfAFileIsKeptAndHeldAgainstTheConfiguration) {
  const std::string blob = write_blob("blob.safetensors");
  const Outcome imported =
      run("import_weights", {blob, "-o", "mine.safetensors", "--preprocessing", "mean=0.5,0.5,0.5",
                             "--preprocessing", "crop=200", "--licence", "for research"});
  ASSERT_EQ(imported.status, 0) << imported.err;
  const auto metadata = read_safetensors(folder_ / "mine.safetensors").metadata;
  EXPECT_EQ(metadata.at("preprocessing.mean"), "0.5 0.5 0.5");
  EXPECT_EQ(metadata.at("preprocessing.crop"), "200");
  EXPECT_EQ(metadata.at("licence"), "for research");
  expect_refusal("import_weights", {blob, "-o", "x", "--preprocessing", "crop=300"}, 1,
                 "a crop of 300 pixels");
  std::vector<std::string> arguments = train_with_weights((folder_ / "mine.safetensors").string());
  for (const char* word :
       {"--set", "observation.kind=image", "--set", "actor_critic.preprocessing=torchvision"}) {
    arguments.push_back(word);
  }
  expect_refusal("train", arguments, 2, "were trained with mean 0.5 0.5 0.5");
}

TEST_F(ProgramsTest, EvaluateRefusesAFolderWithoutCheckpoints) {
  expect_refusal("evaluate", {folder_.string()}, 1, "holds neither");
  expect_refusal("evaluate", {tiny_, "--policy", "greedy"}, 2, "greedy");
  expect_refusal("evaluate", {tiny_, "--policy", "random", "--deterministic"}, 2, "fixed rule");
  const std::vector<std::string> untrained = {
      tiny_, "--policy", "untrained", "--sampled", "--deterministic", "--render", "film"};
  expect_refusal("evaluate", untrained, 2, "--render shows one policy");
  const std::string cartpole = config_path("configs/reference/cartpole.yaml");
  expect_refusal("evaluate", {cartpole, "--policy", "untrained", "--render", "out"}, 2,
                 "CartPole-v1 draws no pictures");
  expect_refusal("evaluate", {cartpole, "--policy", "untrained", "--trajectories", "out"}, 2,
                 "CartPole-v1 has no parts");
}

TEST_F(ProgramsTest, EvaluateWritesTheStepsOfAnyEnvironment) {
  const Outcome outcome =
      run("evaluate", {config_path("configs/reference/cartpole.yaml"), "--policy", "untrained",
                       "--episodes", "2", "--steps", "steps.csv"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.out.find("success"), std::string::npos) << "it has no goal:\n" << outcome.out;
  const std::string csv = read_text(folder_ / "steps.csv");
  EXPECT_TRUE(csv.starts_with("policy,episode,step,reward_total,termination_case\n")) << csv;
  EXPECT_GT(std::count(csv.begin(), csv.end(), '\n'), 10);
}

TEST_F(ProgramsTest, EvaluateCountsTheEpisodesOfABaseline) {
  const Outcome outcome = run(
      "evaluate", {"--policy", "half_delete", tiny_, "--episodes", "5", "--csv", "episodes.csv"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("success rate    100.0 %"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("success 5"), std::string::npos) << outcome.out;
  const std::string csv = read_text(folder_ / "episodes.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 6);
  EXPECT_TRUE(
      csv.starts_with("policy,episode,steps,return,progress,termination_case,success,reward_graph,"
                      "reward_spawn,reward_delete,reward_edge,reward_node\nhalf_delete,0,"));
}

TEST_F(ProgramsTest, VerifyFreezingProvesItsClaims) {
  const Outcome outcome = run("verify_freezing", {tiny_, "--quiet", "--json", "proof.json"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  for (const char* part : {"23,053,458 total, 700,434 trainable (3.04 %)", "body 11,176,512",
                           "heads      lr 0.0003  331,538", "encoder    lr 0.0003  368,896"}) {
    EXPECT_NE(outcome.out.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(outcome.out.find("FAILS"), std::string::npos);
  const auto json = nlohmann::json::parse(read_text(folder_ / "proof.json"));
  for (const auto& claim : json["claims"]) EXPECT_EQ(claim["holds"], true) << claim["claim"];
}

TEST_F(ProgramsTest, InferWritesAllOrNothing) {
  const std::string weights = write_blob("blob.safetensors");
  const std::string good = (folder_ / "good.npy").string();
  std::vector<float> values(2 * 3 * 32 * 32);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i));
  write_npy(good, {{2, 3, 32, 32}, values});
  const std::string bad = (folder_ / "bad.npy").string();
  write_npy(bad, {{2, 4, 8}, std::vector<float>(64)});

  expect_refusal("infer", {weights, good, bad, "--logits", "l.npy"}, 1, "bad.npy is [2,4,8]");
  values[7] = std::numeric_limits<float>::infinity();
  const std::string infinite = (folder_ / "infinite.npy").string();
  write_npy(infinite, {{2, 3, 32, 32}, values});
  expect_refusal("infer", {weights, infinite}, 1, "not finite at index 7");

  const Outcome outcome = run("infer", {weights, good, "--logits", "l.npy", "--features", "f.npy",
                                        "--layer", "layer2", "--top", "2"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 5);
  EXPECT_TRUE(outcome.out.starts_with("file,rank,class_index,label,probability\n"));
  EXPECT_EQ(read_npy(folder_ / "l.npy").shape, (std::vector<std::int64_t>{2, 1000}));
  EXPECT_EQ(read_npy(folder_ / "f.npy").shape, (std::vector<std::int64_t>{2, 128, 4, 4}));
}

TEST_F(ProgramsTest, InferTakesEveryResNetAndAnyNumberOfClasses) {
  const std::string input = (folder_ / "input.npy").string();
  std::vector<float> values(2 * 3 * 32 * 32);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i));
  write_npy(input, {{2, 3, 32, 32}, values});

  const std::string ten = write_blob("ten.safetensors", {}, 34, 10);
  const Outcome outcome = run("infer", {ten, input, "--logits", "l.npy", "--top", "20"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 1 + 2 * 10);
  EXPECT_EQ(read_npy(folder_ / "l.npy").shape, (std::vector<std::int64_t>{2, 10}));

  const auto behead = [](StateDict& state) {
    state.erase("fc.weight");
    state.erase("fc.bias");
  };
  const std::string body = write_blob("body.safetensors", behead, 50);
  for (const auto& [layer, shape] : {std::pair{"pool", std::vector<std::int64_t>{2, 2048}},
                                     {"layer1", {2, 256, 8, 8}},
                                     {"layer3", {2, 1024, 2, 2}}}) {
    const Outcome features = run("infer", {body, input, "--features", "f.npy", "--layer", layer});
    EXPECT_EQ(features.status, 0) << features.err;
    EXPECT_EQ(read_npy(folder_ / "f.npy").shape, shape);
  }
  expect_refusal("infer", {body, input, "--logits", "n.npy"}, 1, "holds no classifier (fc)");
}

TEST_F(ProgramsTest, WeightsOfAnotherResNetAreRefused) {
  std::vector<std::string> arguments =
      train_with_weights(write_blob("thirty_four.safetensors", {}, 34));
  const std::string both = "holds a resnet34, the network has bodies of resnet18";
  for (const char* program : {"train", "verify_freezing"}) {
    expect_refusal(program, arguments, 1, both);
  }
  arguments.insert(arguments.end(),
                   {"--set", "actor_critic.backbone.architecture=resnet34", "--set",
                    "actor_critic.backbone.freeze_mode=layer4.2", "--quiet"});
  const Outcome outcome = run("verify_freezing", arguments);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("body 21,284,672"), std::string::npos) << outcome.out;
}

/// Column of a CSV text by its name in the first line, without the first line.
std::vector<std::string> column(const std::string& csv, const std::string& name) {
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> header = split_csv_line(line);
  const auto at = std::find(header.begin(), header.end(), name) - header.begin();
  std::vector<std::string> values;
  while (std::getline(lines, line)) {
    values.push_back(split_csv_line(line).at(static_cast<std::size_t>(at)));
  }
  return values;
}

TEST_F(ProgramsTest, InferAgreesWithTheReferenceOnRealImages) {
  if (data_path().empty()) GTEST_SKIP() << "FROST_DATA is not set";
  const fs::path data = fs::absolute(data_path()), reference = data / "weights/reference";
  const std::string weights = (data / "weights/resnet18_imagenet.safetensors").string();
  const Outcome one = run("infer", {weights, (reference / "input_n01440764_tench.npy").string(),
                                    "--logits", "tench.npy"});
  ASSERT_EQ(one.status, 0) << one.err;
  const NpyArray logits = read_npy(folder_ / "tench.npy");
  const NpyArray expected = read_npy(reference / "shared_logits.npy");
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < logits.values.size(); ++i) {
    error += std::pow(logits.values[i] - expected.values[i], 2);
    norm += std::pow(expected.values[i], 2);
  }
  EXPECT_LE(std::sqrt(error / norm), 1e-5);

  const Outcome all = run("infer", {weights, (data / "images").string(), "--top", "1"});
  ASSERT_EQ(all.status, 0) << all.err;
  const std::string table = read_text(reference / "shared_top5.csv");
  const auto names = column(table, "filename"), top1 = column(table, "top1"),
             truth = column(table, "class_index");
  const auto files = column(all.out, "file"), found = column(all.out, "class_index");
  ASSERT_EQ(found.size(), names.size());
  int right = 0, agreeing = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto at = static_cast<std::size_t>(
        std::find(names.begin(), names.end(), fs::path(files[i]).filename().string()) -
        names.begin());
    ASSERT_LT(at, names.size()) << files[i];
    right += found[i] == truth[at];
    agreeing += found[i] == top1[at];
  }
  EXPECT_NEAR(right, 76, 1);
  EXPECT_GE(agreeing, 98);
}

TEST_F(ProgramsTest, WhatNoEpisodeOfAnUpdateGaveIsShownAndWrittenAsNothing) {
  const Outcome outcome =
      run("train", {config_path("configs/reference/pendulum.yaml"), "--out", "run", "--stop-after",
                    "1", "--set", "trainer.rollout_steps=64"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("| return - | length - |"), std::string::npos) << outcome.out;
  const std::string table = read_text(folder_ / "run/metrics.csv");
  EXPECT_EQ(column(table, "charts/episodes_finished"), std::vector<std::string>{"0"});
  for (const char* name :
       {"charts/episodic_return", "charts/episodic_length", "charts/success_rate"}) {
    EXPECT_EQ(column(table, name), std::vector<std::string>{""}) << name;
  }
}

TEST_F(ProgramsTest, AnInstructionLevelThatCannotBeHadIsRefused) {
  environment_ = "FROST_ISA=sse9";
  expect_refusal("train", {tiny_, "--out", "none"}, 2, "FROST_ISA=sse9");
}

}  // namespace
}  // namespace frost
