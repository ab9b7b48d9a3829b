#pragma once

#include <stdexcept>
#include <string>

namespace frost {

/// A failure at run time: bad file, numerical fault, missing device. Programs print its one line
/// and exit 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Wrong usage or configuration: programs print its one line and exit 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// A number that must be finite is NaN or infinite; the message says where it was met.
class NotFiniteError : public Error {
 public:
  using Error::Error;
};

/// Throws `Error("[op] message")`; the message carries the shapes and the remedy.
[[noreturn]] inline void fail(const char* op, const std::string& message) {
  throw Error("[" + std::string(op) + "] " + message);
}

}  // namespace frost
