#include <filesystem>
#include <string>
#include <vector>

#include "tools/cli/command_line.h"
#include "tools/cli/program.h"
#include "tools/cli/standard_output.h"
#include "tools/runs/comparison.h"

int main(int argc, char** argv) {
  return frost::run_program([&] {
    frost::CommandLine command_line(
        "Shows runs side by side in one page: results, settings that differ, and their curves.\n"
        "Example: compare runs/0001 runs/0002 -o comparison.html",
        "compare");
    std::vector<std::string> runs;
    std::string page;
    command_line.add("RUN", &runs, "run folders, two or more", {.required = true});
    command_line.add("-o,--out", &page, "the page to write",
                     {.required = true, .type = "PAGE.html"});
    if (!command_line.parse(argc, argv)) return 0;
    frost::compare_runs({runs.begin(), runs.end()}, page);
    frost::print_out("written: {}\n", page);
    return 0;
  });
}
