#include "tools/cli/program.h"

#include <cstdio>
#include <new>
#include <string>

#include "kernels/errors.h"

namespace frost {
namespace {

int report(std::string message, int status) {
  for (char& c : message) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  std::fflush(stdout);
  std::fprintf(stderr, "error: %s\n", message.c_str());
  return status;
}

}  // namespace

int run_program(const std::function<int()>& body) {
  try {
    return body();
  } catch (const UsageError& error) {
    return report(error.what(), 2);
  } catch (const std::bad_alloc&) {
    return report("out of memory", 1);
  } catch (const std::exception& error) {
    return report(error.what(), 1);
  }
}

}  // namespace frost
