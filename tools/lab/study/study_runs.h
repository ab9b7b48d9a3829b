#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/config/config.h"
#include "tools/reports/csv_table.h"

namespace frost {

/// One training of a study.
struct StudyRun {
  std::string variant;  ///< an override, or empty
  std::string freeze_mode;
  int seed = 0;

  std::string name() const;  ///< of its folder: "m=0.01-all-seed0"
};

/// A policy that needs no training, on the episodes that the runs are evaluated on.
struct StudyBaseline {
  std::string variant;
  std::string policy;

  std::string name() const;  ///< of its file: "m=0.01-half_delete"
};

/// "m=0.01" of "environment.substrate_params.m=0.01"; empty of the file as it is.
std::string variant_label(const std::string& variant);

std::vector<StudyRun> planned_runs(const StudyConfig& study);
std::vector<StudyBaseline> planned_baselines(const StudyConfig& study);

/// What tools/scripts/study.sh has to do, a line each: "baseline EPISODES SEED NAME POLICY
/// SETTINGS..." or "run EPISODES SEED NAME SETTINGS...". Throws UsageError for a variant that
/// cannot stand in a command line as one word.
std::string study_commands(const StudyConfig& study);

/// Success, progress, return and length over the held-out episodes.
struct HeldOut {
  double success = 0, progress = 0, episode_return = 0;
  double median_steps = 0;  ///< of the successful episodes; NaN where there is none
  double episodes = 0;      ///< how many there are
};

/// The rows of `policy` ("sampled", "argmax" or a baseline) in a file written by
/// `evaluate --csv`. Throws Error naming the file where there are none.
HeldOut held_out(const CsvTable& episodes, const std::string& policy);

/// A finished run, read from its folder.
struct StudyResult {
  StudyRun run;
  CsvTable metrics, timing, evaluations;
  HeldOut sampled, argmax;

  std::vector<double> seconds() const;  ///< of training, after each update
};
struct BaselineResult {
  StudyBaseline baseline;
  HeldOut held_out;
};

/// What is finished of a study in the folder `out`; runs that are not are left out.
struct StudyResults {
  std::vector<StudyResult> runs;
  std::vector<BaselineResult> baselines;
  std::size_t planned = 0;
};
StudyResults read_study(const StudyConfig& study, const std::filesystem::path& out);

}  // namespace frost
