#include <gtest/gtest.h>

#include "tests/engine/failing_new.h"
#include "tests/golden_files.h"
#include "tests/weights/weight_file_helpers.h"
#include "tools/config/config.h"
#include "tools/reports/csv_table.h"
#include "weights/safetensors.h"

// Streams catch what is thrown in them: a reader must not take that for the end of its text.
namespace frost {
namespace {

/// `read` with each of its allocations failing once: it throws or says that all was as it should
/// be.
void expect_nothing_swallowed(const std::function<bool()>& read) {
  ASSERT_TRUE(read());
  std::int64_t thrown = 0;
  bool failed = true;
  for (std::int64_t at = 0; failed; ++at) {
    bool whole = true;
    {
      const FailingNew failing(at);
      try {
        whole = read();
      } catch (const std::bad_alloc&) {
        ++thrown;
      }
      failed = FailingNew::happened();
    }
    EXPECT_TRUE(whole) << at;
  }
  EXPECT_GT(thrown, 3);
}

TEST(SwallowedAllocation, EndsNoTable) {
  const std::string cell(100, 'c'), text = "a,b\n" + cell + ",1\n" + cell + cell + ",2\n";
  expect_nothing_swallowed([&] {
    const CsvTable table = CsvTable::parse(text, "t.csv");
    return table.rows() == 2 && table.text("b", 1) == "2";
  });
}

TEST(SwallowedAllocation, EndsNoConfiguration) {
  const std::string path = source_path("configs/reference/cartpole.yaml").string();
  expect_nothing_swallowed([&] {
    const Config config = load_config(path, {});
    return config.run.checkpoint_every == 0 && config.system.threads == 1;
  });
}

TEST(SwallowedAllocation, WritesNoCheckpoint) {
  const test::TemporaryFolder folder;
  SafetensorsFile file;
  file.metadata = {{"format", "checkpoint"}, {"config", std::string(100, 'c')}};
  for (const char* name : {"a", "b", "c"}) {
    file.tensors[name] = HostTensor::from_floats({2}, {1, 2});
  }
  expect_nothing_swallowed([&] {
    write_safetensors(folder / "f", file);
    return test::same_tensors(read_safetensors(folder / "f").tensors, file.tensors);
  });
}

}  // namespace
}  // namespace frost
