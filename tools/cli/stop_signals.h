#pragma once

namespace frost {

/// Signals that ask a program to end in good order, for as long as the object lives; one at a time.
///
/// The first of SIGTERM, SIGINT and SIGHUP is remembered and asked for by `received`; another one
/// ends the process at once with 128 + its number. SIGUSR1 asks to end so that the work can be
/// queued again. Signals that were ignored when the object was made, as nohup does, stay ignored.
/// Works as process 1 of a container, too, whose default is to ignore signals.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// The signal that came first; 0 where none did.
  int received() const;
};

/// The exit status of a program that `signal` ended in good order: 128 + its number, or 75, "try
/// again", for SIGUSR1.
int exit_status_of(int signal);

}  // namespace frost
