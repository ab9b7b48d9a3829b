#include "tools/cli/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <sstream>

#include "kernels/errors.h"

namespace frost {
namespace {

std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance = [] {
    auto console = std::make_shared<spdlog::sinks::stdout_sink_mt>();
    console->set_pattern("%v");
    return std::make_shared<spdlog::logger>("frostline", console);
  }();
  return instance;
}

}  // namespace

void open_log(const std::filesystem::path& file, bool quiet) {
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
    sink->set_pattern("%Y-%m-%d %H:%M:%S %v");
    if (quiet) logger()->sinks().clear();
    logger()->sinks().push_back(sink);
  } catch (const spdlog::spdlog_ex& fault) {
    throw Error("cannot write " + file.string() + ": " + fault.what());
  }
}

void log_line(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) logger()->info(line);
  logger()->flush();
}

}  // namespace frost
