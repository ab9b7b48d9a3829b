#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace frost {

// Standard output fails: a full device, a reader that has left, a closed descriptor, a terminal
// that was lost. No function here throws, so that the work of a program goes on.

/// Closed standard descriptors become unusable open ones, so that no file is ever opened under
/// their numbers and printed into; writing to a pipe without reader becomes an error instead of the
/// program's end. To be called before anything is opened.
void secure_standard_descriptors();

/// Prints results. The first failure is remembered, and nothing more is printed then.
void print_text(std::string_view text);

/// The same, formatted.
template <class... T>
void print_out(fmt::format_string<T...> format, T&&... values) {
  print_text(fmt::format(format, std::forward<T>(values)...));
}

void flush_output();

/// Prints at once what is kept elsewhere too (the run's log), or can be done without. After a
/// failure nothing more of that kind is printed; one line on standard error says so, unless the
/// reader or the terminal has gone.
void print_progress(std::string_view text);

/// Prints lines that stand below all else on a terminal until others take their place: what is
/// printed by `print_progress` and `print_note` comes above them. They must not be wider than the
/// terminal, which may be resized meanwhile.
void print_standing(const std::vector<std::string>& lines);
/// What stands now stays where it is, and what is printed next comes below it.
void leave_standing();

/// One line on standard error.
void print_note(std::string_view text);

/// Flushes, and returns the exit status of a program whose work ended with `status`: that, unless
/// results could not be printed and it is 0. Then 141 where the reader had left, as the shell has
/// it of a program that SIGPIPE ended; else 1, and one line on standard error.
int finish_output(int status);

}  // namespace frost
