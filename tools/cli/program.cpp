#include "tools/cli/program.h"

#include <cstdio>
#include <cstring>
#include <new>
#include <string>

#include "kernels/backend_registry.h"
#include "kernels/errors.h"
#include "kernels/out_of_memory.h"
#include "tools/cli/standard_output.h"

namespace frost {
namespace {

int report(std::string message, int status) {
  for (char& c : message) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  flush_output();
  print_note("error: " + message);
  return finish_output(status);
}

/// Allocates nothing: there may be nothing left.
int report_out_of_memory(const char* text, const char* advice) {
  const auto line = static_cast<int>(std::strcspn(text, "\n"));
  flush_output();
  std::fprintf(stderr, "error: %.*s%s\n%s", line, text, advice,
               text[line] == '\0' ? "" : text + line + 1);
  return 1;
}

}  // namespace

int run_program(const std::function<int()>& body, const char* memory_advice) {
  secure_standard_descriptors();
  explain_failing_new();
  try {
    return finish_output(body());
  } catch (const UsageError& error) {
    return report(error.what(), 2);
  } catch (const OutOfMemoryError& error) {
    return report_out_of_memory(error.what(), memory_advice);
  } catch (const std::bad_alloc&) {
    return report_out_of_memory("out of memory", memory_advice);
  } catch (const std::exception& error) {
    return report(error.what(), 1);
  }
}

}  // namespace frost
