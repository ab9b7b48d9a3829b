#include <exception>

#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "tools/cli/standard_output.h"
#include "tools/config/common_options.h"
#include "tools/lab/freeze_verification.h"
#include "tools/lab/run_forecast.h"

int main(int argc, char** argv) {
  return frost::run_program(
      [&] {
        frost::CommandLine command_line(
            "Reports what a configuration freezes, then proves it on one real update.",
            "verify_freezing");
        std::string config, json;
        frost::CommonOptions common;
        command_line.add("CONFIG", &config, "configuration file", {.required = true});
        command_line.add("--json", &json, "write counts, groups, bytes and claims");
        frost::add_common_options(command_line, common);
        if (!command_line.parse(argc, argv)) return 0;
        const frost::Config loaded = frost::load_config(config, common);
        const int status = frost::verify_freezing(loaded, json, common.quiet);
        try {  // whose failure is none of freezing
          if (!common.quiet) frost::print_forecast(loaded);
        } catch (const std::exception& failure) {
          frost::print_out("forecast: none, {}\n", failure.what());
        }
        return status;
      },
      frost::kMemoryAdvice);
}
