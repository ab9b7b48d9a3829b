#include <filesystem>

#include "engine/io/atomic_file.h"
#include "engine/io/printable.h"
#include "kernels/errors.h"
#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "tools/cli/standard_output.h"
#include "tools/config/common_options.h"
#include "tools/lab/study/study_html.h"
#include "tools/lab/study/study_runs.h"
#include "tools/lab/study/study_tables.h"

namespace frost {
namespace {

struct StudyOptions {
  std::string config, report;
  CommonOptions common;
};

int study(const StudyOptions& options) {
  const StudyConfig study = load_config(options.config, options.common).study;
  if (options.report.empty()) {
    print_text(study_commands(study));
    return 0;
  }
  const std::filesystem::path out = options.report;
  const StudyResults results = read_study(study, out);
  if (results.runs.empty()) throw Error(full_path(out) + " holds no finished run of this study");
  write_file_atomically(out / "runs.csv", study_runs_csv(results));
  write_file_atomically(out / "summary.csv", study_summary_csv(study, results));
  write_file_atomically(out / "curves.csv", study_curves_csv(study, results));
  write_file_atomically(out / "study.html", study_html(study, results));
  print_out("{}: {} of {} runs; runs.csv, summary.csv, curves.csv, study.html\n", out.string(),
            results.runs.size(), results.planned);
  return 0;
}

}  // namespace
}  // namespace frost

int main(int argc, char** argv) {
  return frost::run_program([&] {
    frost::CommandLine command_line(
        "Plans and reports the comparison of freeze modes that tools/scripts/study.sh runs.",
        "study");
    frost::StudyOptions options;
    command_line.add("CONFIG", &options.config, "configuration file with a study section",
                     {.required = true});
    command_line.add(
        "--report", &options.report,
        "write tables and curves of what is finished in this folder (default: print the "
        "runs that make up the study)");
    frost::add_common_options(command_line, options.common);
    if (!command_line.parse(argc, argv)) return 0;
    return frost::study(options);
  });
}
