#include "rl/envs/gymnasium/worker.h"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <ctime>

#include "kernels/errors.h"

namespace frost {

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kMostSlots = 1023;
// Room for a flush behind each slot.
constexpr std::uint32_t kRingLength = 2048, kQuit = 0xFFFFFFFF, kFlush = 0xFFFFFFFE;

}  // namespace

/// What a worker shares apart from its slots: who has asked, in order.
struct WorkerHeader {
  sem_t doorbell;
  std::uint32_t answers;  ///< commands that are done; written by the process
  std::uint32_t ring[kRingLength];
};

namespace {

std::size_t header_bytes() {
  return whole_pages(sizeof(WorkerHeader));
}

const char* view_name(PythonView view) {
  return view == PythonView::kState ? "state" : view == PythonView::kRender ? "render" : "both";
}

/// Whether the semaphore is raised within `time`. Where it is not, the caller looks whether anybody
/// is left to raise it.
bool wait_for(sem_t& semaphore, std::chrono::milliseconds time) {
  timespec until;
  ::clock_gettime(CLOCK_MONOTONIC, &until);
  const auto nanoseconds = until.tv_nsec + std::chrono::nanoseconds(time).count();
  until.tv_sec += nanoseconds / 1'000'000'000;
  until.tv_nsec = nanoseconds % 1'000'000'000;
  while (::sem_clockwait(&semaphore, CLOCK_MONOTONIC, &until) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

/// The line that tells a worker where everything lies.
std::string layout_json(const SlotLayout& layout) {
  return fmt::format(
      "{{\"header_bytes\": {}, \"doorbell\": {}, \"answers\": {}, \"ring\": {}, "
      "\"ring_length\": {}, \"slot_bytes\": {}, \"done\": {}, \"state\": {}, \"reward\": {}, "
      "\"numbers\": {}, \"text\": {}, \"text_bytes\": {}, \"decisions\": {}, \"parameters\": {}, "
      "\"values\": {}, \"pixels\": {}}}\n",
      header_bytes(), offsetof(WorkerHeader, doorbell), offsetof(WorkerHeader, answers),
      offsetof(WorkerHeader, ring), kRingLength, layout.bytes, offsetof(SlotHeader, done),
      offsetof(SlotHeader, command), offsetof(SlotHeader, reward), offsetof(SlotHeader, seed),
      offsetof(SlotHeader, text), sizeof(SlotHeader::text), layout.decisions, layout.parameters,
      layout.values, layout.pixels);
}

}  // namespace

SlotLayout::SlotLayout(const PythonSpaces& spaces) {
  std::size_t end = sizeof(SlotHeader);
  const auto place = [&end](std::size_t size) {
    const std::size_t begin = (end + 63) / 64 * 64;  // a cache line
    end = begin + size;
    return begin;
  };
  decisions = place(static_cast<std::size_t>(spaces.actions.rows) * sizeof(std::int32_t));
  parameters = place(spaces.actions.continuous.size() * sizeof(float));
  values = place(static_cast<std::size_t>(spaces.values) * sizeof(float));
  pixels = place(spaces.picture_bytes());
  bytes = whole_pages(end);
}

Worker::Worker(const std::string& environment, const GymnasiumConfig& config, int number)
    : environment_(environment),
      config_(config),
      number_(number),
      memory_(make_memory_file("frostline_environments")) {
  grow_memory_file(memory_, header_bytes());
  header_mapping_ = std::make_unique<SharedMapping>(memory_, 0, header_bytes());
  header_ = reinterpret_cast<WorkerHeader*>(header_mapping_->data());
  ::sem_init(&header_->doorbell, 1, 0);
  process_ = std::make_unique<WorkerProcess>(
      config.python,
      std::vector<std::string>{environment, config.kwargs, view_name(config.view),
                               fmt::format("worker {}", number)},
      memory_);
}

Worker::~Worker() {
  if (failed_ || !process_->ending().empty()) return;
  ring(kQuit);  // lets the environments close what they have open
  process_->ending(Clock::now() + std::chrono::seconds(2));
}

WorkerProcess::Deadline Worker::deadline() const {
  return Clock::now() + std::chrono::seconds(config_.timeout);
}

void Worker::fail_with(const std::string& cause) {
  failed_ = true;
  process_->kill();
  fail("environment", fmt::format("{}, worker {}: {}", environment_, number_, cause));
}

std::string Worker::describe() {
  const auto end = deadline();
  std::string lines;
  while (true) {
    const std::optional<std::string> line = process_->read_line(end);
    if (line && *line == "ready") return lines;
    if (line && !line->starts_with("error ")) {
      lines += *line + "\n";
      continue;
    }
    failed_ = true;
    std::string cause =
        line ? line->substr(6) : process_->ending(Clock::now() + std::chrono::seconds(1));
    if (cause.empty()) {
      cause = fmt::format("it was not made within {} s; environment.timeout gives it more",
                          config_.timeout);
    } else if (!line) {
      cause = fmt::format("{} {} before it was made", config_.python, cause);
    }
    throw UsageError(fmt::format("environment.name is '{}': {}", environment_, cause));
  }
}

void Worker::serve(const PythonSpaces& spaces, const std::string& description) {
  spaces_ = spaces;
  layout_ = SlotLayout(spaces);
  if (number_ > 0) expected_ = description;
  const std::string line = layout_json(layout_);
  if (!process_->write(line.data(), line.size(), deadline())) fail_with("it does not listen");
}

void Worker::require_ready() {
  const std::scoped_lock lock(ready_);
  if (expected_.empty()) return;
  if (describe() != expected_) fail_with("its spaces are others than those of worker 0");
  expected_.clear();
}

std::unique_ptr<WorkerSlot> Worker::make_slot() {
  if (slots_ == kMostSlots) {
    throw UsageError(
        fmt::format("more than {} environments in a worker process: set "
                    "environment.workers to more than {}",
                    slots_, config_.workers));
  }
  grow_memory_file(memory_, header_bytes() + static_cast<std::size_t>(slots_ + 1) * layout_.bytes);
  auto slot = std::make_unique<WorkerSlot>(*this, slots_);
  ++slots_;
  slot->begin(SlotCommand::kMake);
  return slot;
}

void Worker::ring(std::uint32_t word, bool wake) {
  const std::scoped_lock lock(ring_);
  header_->ring[turn_++ % kRingLength] = word;
  ++unheard_;
  for (; wake && unheard_ > 0; --unheard_) ::sem_post(&header_->doorbell);
}

void Worker::flush() {
  if (spaces_.vector && asked_.exchange(false)) ring(kFlush);
}

void Worker::wait(WorkerSlot& slot) {
  require_ready();
  const std::atomic_ref<std::uint32_t> answers(header_->answers);
  std::uint32_t seen = answers;
  auto end = deadline();
  while (!wait_for(slot.header().done, std::chrono::milliseconds(100))) {
    if (const std::string ending = process_->ending(); !ending.empty()) {
      if (::sem_trywait(&slot.header().done) == 0) return;
      fail_with(fmt::format("the process {}", ending));
    }
    if (const std::uint32_t now = answers; now != seen) {  // it is at work for other slots
      seen = now;
      end = deadline();
    }
    if (Clock::now() > end) {
      fail_with(fmt::format("no answer within {} s (environment.timeout); it was ended",
                            config_.timeout));
    }
  }
}

WorkerSlot::WorkerSlot(Worker& worker, int index)
    : worker_(worker),
      index_(static_cast<std::uint32_t>(index)),
      memory_(worker.memory_,
              header_bytes() + static_cast<std::size_t>(index) * worker.layout_.bytes,
              worker.layout_.bytes) {
  ::sem_init(&header().done, 1, 0);
  header().sub_environment = -1;
}

void WorkerSlot::begin(SlotCommand command) {
  finish();
  header().command = static_cast<std::int32_t>(command);
  // A vector environment has nothing to do before all are asked.
  worker_.ring(index_, command == SlotCommand::kMake || !worker_.spaces_.vector);
  worker_.asked_ = true;
  busy_ = true;
}

void WorkerSlot::finish() {
  if (!busy_) return;
  // One that is being made is not waited for by what others have begun.
  if (header().command != static_cast<std::int32_t>(SlotCommand::kMake)) worker_.flush();
  worker_.wait(*this);
  busy_ = false;
  if (header().status == 0) return;
  header().text[sizeof(SlotHeader::text) - 1] = '\0';
  worker_.fail_with(header().text);
}

void WorkerSlot::fail_with(const std::string& cause) {
  const int place = header().sub_environment;
  worker_.fail_with(place < 0 ? cause : fmt::format("sub-environment {}: {}", place, cause));
}

std::vector<std::uint8_t> WorkerSlot::save() {
  const std::scoped_lock lock(worker_.payloads_);
  begin(SlotCommand::kSave);
  finish();
  std::vector<std::uint8_t> state(header().bytes);
  if (!worker_.process_->read(state.data(), state.size(), worker_.deadline())) {
    worker_.fail_with("its state was not sent");
  }
  return state;
}

void WorkerSlot::load(const std::vector<std::uint8_t>& state) {
  const std::scoped_lock lock(worker_.payloads_);
  finish();  // before its header changes
  header().bytes = state.size();
  begin(SlotCommand::kLoad);
  worker_.require_ready();
  if (!worker_.process_->write(state.data(), state.size(), worker_.deadline())) {
    worker_.fail_with("its state was not taken");
  }
  finish();
}

std::span<std::int32_t> WorkerSlot::decisions() const {
  const std::size_t rows = worker_.spaces_.actions.choices > 0
                               ? static_cast<std::size_t>(worker_.spaces_.actions.rows)
                               : 0;
  return part<std::int32_t>(worker_.layout_.decisions, rows);
}

std::span<float> WorkerSlot::parameters() const {
  return part<float>(worker_.layout_.parameters, worker_.spaces_.actions.continuous.size());
}

std::span<float> WorkerSlot::values() const {
  return part<float>(worker_.layout_.values, static_cast<std::size_t>(worker_.spaces_.values));
}

std::span<std::uint8_t> WorkerSlot::pixels() const {
  return part<std::uint8_t>(worker_.layout_.pixels, worker_.spaces_.picture_bytes());
}

}  // namespace frost
