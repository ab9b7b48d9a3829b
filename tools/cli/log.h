#pragma once

#include <filesystem>
#include <string>

namespace frost {

/// Sends later lines to `file` with time stamps, and to standard output unless `quiet`. Where
/// either fails later, one line on standard error says so and the program goes on; the loss of
/// standard output changes no exit status, since the file has every line. Throws Error where `file`
/// cannot be opened.
void open_log(const std::filesystem::path& file, bool quiet);

/// Lines of this process go nowhere: another one of the same run writes them.
void silence_log();

/// One or more lines of the run log; before `open_log`, to standard output alone.
void log_line(const std::string& text);

}  // namespace frost
