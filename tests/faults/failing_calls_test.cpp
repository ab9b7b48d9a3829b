#include "tests/faults/run_fixture.h"

// Every call that changes a file, and every allocation, fails once (faults.cpp).
namespace frost {
namespace {

/// A call as faults.cpp tells it.
struct Call {
  std::string name, path;
  long number = 0;

  bool same_as(const Call& other) const { return name == other.name && path == other.path; }
  bool writes() const { return name == "write" || name == "writev" || name == "pwrite"; }
  /// A line of the log, which is then incomplete.
  bool of_log() const { return path.ends_with("/run.log") && name != "fopen"; }
  /// Its failure ends no run (docs/reliability.md, "What may fail and what happens").
  bool may_fail() const {
    const auto is = [&](const char* file) { return path.ends_with(file); };
    if (is("/lock")) return name != "open";  // what it holds is for a message
    if (name == "fsync") return is("/run") || is("/checkpoints");
    return is("/run.log") || is("/previous.tmp") || is("/previous.safetensors");
  }
  /// As a message names it: a file that is replaced is written under another name first.
  std::string file() const {
    std::string name = fs::path(path).filename().string();
    if (name.starts_with("events.")) return "events.";  // and the time
    if (!name.ends_with(".tmp")) return name;
    name.resize(name.rfind('.', name.size() - 5));
    return name;
  }
};

class FailingCalls : public DisturbedRuns {
 protected:
  const int updates_ = long_form() ? 3 : 2;
  const fs::path log_ = holder_ / "log";

  Outcome train(const std::string& fault, const std::vector<std::string>& words) {
    fs::remove(log_);
    fs::remove_all(path_of("run"));
    environment_ = "FROST_FAULT=" + fault + " FROST_FAULT_FOLDER='" + path_of("run").string() +
                   "' FROST_FAULT_LOG='" + log_.string() + "'";
    const Outcome outcome = run(FROST_FAULT_PROGRAM, words);
    environment_.clear();
    return outcome;
  }

  std::vector<Call> told() const {
    std::vector<Call> calls;
    std::istringstream lines(read_text(log_));
    Call call;
    while (lines >> call.name >> call.number && std::getline(lines.ignore(), call.path)) {
      calls.push_back(call);
    }
    return calls;
  }

  /// Makes the undisturbed run "whole"; its calls, and last the number of its allocations.
  std::vector<Call> count() {
    const Outcome outcome = train("count", arguments("run", updates_));
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    fs::rename(path_of("run"), path_of("whole"));
    return told();
  }

  /// After the fault the run goes on, or begins, and ends as if there had been none.
  void expect_recovery() {
    const Outcome outcome = run(FROST_FAULT_PROGRAM, next_arguments("run", updates_));
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    expect_as_undisturbed("whole", "run");
  }

  void fail_file_call(const std::vector<Call>& calls, std::size_t at, const std::string& how) {
    const std::string fault = "file:" + std::to_string(at) + ":" + how;
    SCOPED_TRACE(fault + " " + calls[at].name + " " + calls[at].path);
    const Outcome outcome = train(fault, arguments("run", updates_));
    // What fails: this call, or all from it on; the last line tells the allocations.
    const auto first = calls.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end = how == "full" ? calls.end() - 1 : first + 1;
    const bool shortened = how == "short";
    const bool harmless =
        shortened || std::all_of(first, end, [](const Call& call) { return call.may_fail(); });
    const bool of_log =
        !shortened && std::any_of(first, end, [](const Call& call) { return call.of_log(); });
    ASSERT_EQ(outcome.status, harmless ? 0 : 1) << outcome.err;
    if (harmless) {
      EXPECT_EQ(outcome.err.find("run.log") != std::string::npos, of_log) << outcome.err;
      EXPECT_EQ(outcome.err.empty(), !of_log) << outcome.err;
    } else {
      expect_cause(outcome, how == "EIO" ? "Input/output error" : "No space left on device",
                   calls[at].may_fail() ? "" : calls[at].file());
    }
    expect_recovery();
  }

  static void expect_cause(const Outcome& outcome, const std::string& cause,
                           const std::string& file) {
    // On a full disk the log says so too, before.
    const std::size_t error = outcome.err.find("error: ");
    ASSERT_NE(error, std::string::npos) << outcome.err;
    const std::string before = outcome.err.substr(0, error), line = outcome.err.substr(error);
    EXPECT_TRUE(before.empty() || before.find("run.log") != before.npos) << before;
    EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
    EXPECT_NE(line.find(cause), std::string::npos) << line;
    EXPECT_NE(line.find(file), std::string::npos) << line << "names not " << file;
  }

  /// How a program that lacked one allocation ends.
  void expect_table(int status, const std::string& err) {
    if (status == 0) {  // what can do without
      ++without_;
      EXPECT_TRUE(err.empty() || err.starts_with("warning: ")) << err;
    } else if (long_form() && status > 128) {
      ++ended_by_signal_;  // in the standard library's paths: docs/reliability.md, "Not promised"
    } else {
      EXPECT_EQ(status, 1);
      EXPECT_TRUE(err.starts_with("error: out of memory")) << err;
      EXPECT_NE(err.find("\nmemory (MiB)"), std::string::npos) << err;
      const std::size_t total = err.find("\n  total ");
      ASSERT_NE(total, std::string::npos) << err;
      EXPECT_EQ(err.find('\n', total + 1), err.size() - 1) << err;
    }
  }

  void fail_allocation(std::size_t at) {
    const std::string fault = "alloc:" + std::to_string(at);
    SCOPED_TRACE(fault);
    const Outcome outcome = train(fault, arguments("run", updates_));
    ASSERT_FALSE(told().empty()) << "not reached";
    expect_table(outcome.status, outcome.err);
    expect_recovery();
  }

  /// One run in which every `step`-th allocation fails in a copy of its process.
  void fail_in_copies(std::size_t step) {
    const auto first = static_cast<std::size_t>(torture("FROST_TORTURE_SEED", 1)) * 7919 % step;
    const std::string fault = "copies:" + std::to_string(first) + ":" + std::to_string(step);
    const Outcome outcome = train(fault, arguments("run", updates_));
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    for (const Call& call : told()) {
      SCOPED_TRACE("alloc:" + std::to_string(call.number));
      std::string err = call.path.substr(call.path.find(' ') + 1);
      std::replace(err.begin(), err.end(), '|', '\n');
      expect_table(std::stoi(call.path), err);
      ++copies_;
    }
    expect_as_undisturbed("whole", "run");
  }

  std::string endings() const {
    return std::to_string(ended_by_signal_) + " ended by a signal, " + std::to_string(without_) +
           " done without";
  }

  std::size_t ended_by_signal_ = 0, without_ = 0, copies_ = 0;
};

TEST_P(FailingCalls, EachOfAFileEndsTheRunInOneLineFromWhichItGoesOn) {
  const std::vector<Call> calls = count();
  ASSERT_GT(calls.size(), 100U);
  Cases cases(calls.size() - 1, calls.size());
  for (std::size_t at = 0; cases.next(at);) {
    // A checkpoint is a write per tensor: the first and the last of them.
    const bool within =
        at > 0 && calls[at].same_as(calls[at - 1]) && calls[at].same_as(calls[at + 1]);
    if (within && !long_form()) {
      cases.leave_out();
    } else {
      fail_file_call(calls, at, "ENOSPC");
    }
  }
  cases.report(std::string(GetParam().name) + ", calls of files that failed once");
}

TEST_P(FailingCalls, OtherFaultsOfFilesLikewise) {
  const std::vector<Call> calls = count();
  for (const std::string how : {"EIO", "full", "short"}) {
    Cases cases(calls.size() - 1, how == "short" ? 16 : 8, 3);
    for (std::size_t at = 0; cases.next(at);) {
      if (how == "short" && !calls[at].writes()) {
        cases.leave_out();
      } else {
        fail_file_call(calls, at, how);
      }
    }
    cases.report(std::string(GetParam().name) + ", calls of files, " + how);
  }
}

TEST_P(FailingCalls, EachAllocationEndsTheRunInTheTableFromWhichItGoesOn) {
  const auto allocations = static_cast<std::size_t>(count().back().number);
  ASSERT_GT(allocations, 1000U);
  Cases cases(allocations, 60);
  std::size_t tried = 0;
  for (std::size_t at = 0; cases.next(at); ++tried) fail_allocation(at);
  EXPECT_LE(ended_by_signal_, 1 + tried / 1000) << "ended by a signal: " << ended_by_signal_;
  cases.report(std::string(GetParam().name) + ", allocations that failed once, " + endings());
}

TEST_P(FailingCalls, AClockThatJumpsChangesNothing) {
  count();
  for (const int updates : {1, updates_}) {  // goes on with files of other years
    std::vector<std::string> words = next_arguments("run", updates_);
    if (updates != updates_) words.insert(words.end(), {"--stop-after", std::to_string(updates)});
    environment_ = "FROST_FAULT=clock FROST_FAULT_LOG='" + log_.string() + "'";
    fs::remove(log_);
    const Outcome outcome = run(FROST_FAULT_PROGRAM, words);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
  }
  EXPECT_FALSE(told().empty()) << "nobody asked for the time";
  expect_as_undisturbed("whole", "run");
}

std::vector<Workload> workloads() {
  if (!long_form()) return {vector_workload()};
  return {vector_workload(), graph_workload(), picture_workload()};
}

INSTANTIATE_TEST_SUITE_P(Runs, FailingCalls, testing::ValuesIn(workloads()), workload_name);

/// Runs with too many allocations for one run of the program each.
class FailingCopies : public FailingCalls {};

TEST_P(FailingCopies, OfEachAllocationEndInTheTableAndLeaveTheRunAsItWas) {
  using std::chrono::steady_clock, std::chrono::duration;
  const auto start = steady_clock::now();
  const auto allocations = static_cast<std::size_t>(count().back().number);
  ASSERT_GT(allocations, 10000U);
  const auto counted = steady_clock::now();
  fail_in_copies(allocations / 60);
  EXPECT_GT(copies_, 50U);
  if (long_form() && !HasFailure()) {
    const auto now = steady_clock::now();
    const duration<double> alone = counted - start, with_copies = now - counted;
    const double each =
        std::max(1e-3, (with_copies - alone).count() / static_cast<double>(copies_));
    const double left =
        static_cast<double>(torture("FROST_TORTURE_SECONDS", 0)) - with_copies.count();
    fail_in_copies(1 + static_cast<std::size_t>(static_cast<double>(allocations) * each /
                                                std::max(1.0, left)));
  }
  EXPECT_LE(ended_by_signal_, 1 + copies_ / 1000);
  std::cout << "torture: " << GetParam() << ", allocations that failed in copies: " << copies_
            << " of " << allocations << ", " << endings() << "\n";
}

INSTANTIATE_TEST_SUITE_P(Runs, FailingCopies,
                         testing::Values(vector_workload(), graph_workload(), picture_workload()),
                         workload_name);

}  // namespace
}  // namespace frost
