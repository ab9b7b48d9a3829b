#include "tools/cli/log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <sstream>

#include "kernels/errors.h"
#include "tools/cli/standard_output.h"

namespace frost {
namespace {

/// For whoever looks on: the file has every line too.
class Console : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    print_progress({line.data(), line.size()});
  }
  void flush_() override {}
};

/// A log that cannot be written ends no run.
void tell_once(const std::string& fault) {
  static std::once_flag told;
  std::call_once(told, [&] { print_note("warning: the log is incomplete: " + fault); });
}

std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance = [] {
    auto console = std::make_shared<Console>();
    console->set_pattern("%v");
    auto made = std::make_shared<spdlog::logger>("frostline", console);
    made->set_error_handler(tell_once);
    return made;
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

void silence_log() {
  logger()->sinks().clear();
}

void log_line(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) logger()->info(line);
  logger()->flush();
}

}  // namespace frost
