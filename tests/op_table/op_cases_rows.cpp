#include <fmt/format.h>

#include <algorithm>

#include "tests/op_table/op_cases.h"

// Ops that move rows and columns.
namespace frost {
namespace {

std::size_t as_size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

OpCase concat_rows_case(const std::vector<std::int64_t>& rows, const Shape& tail) {
  const std::string variant = fmt::format("{} x {}", to_string(rows), to_string(tail));
  std::vector<CaseInput> inputs;
  for (const std::int64_t n : rows) {
    Shape shape{n};
    shape.insert(shape.end(), tail.begin(), tail.end());
    inputs.push_back(
        case_input("concat_rows" + variant, fmt::format("part{}", inputs.size()), shape));
  }
  return {"concat_rows", variant, std::move(inputs),
          [](Backend&, const std::vector<Tensor>& t) { return [t] { return concat_rows(t); }; },
          [](const std::vector<Reals>& t) {
            Reals y;
            for (const Reals& part : t) y.insert(y.end(), part.begin(), part.end());
            return y;
          }};
}

OpCase concat_cols_case(std::int64_t rows, std::int64_t left, std::int64_t right) {
  const std::string variant = fmt::format("{} rows, {} | {}", rows, left, right);
  const std::string seed = "concat_cols" + variant;
  return {"concat_cols",
          variant,
          {case_input(seed, "a", {rows, left}), case_input(seed, "b", {rows, right})},
          [](Backend&, const std::vector<Tensor>& t) {
            return [t] { return concat_cols(t[0], t[1]); };
          },
          [=](const std::vector<Reals>& t) {
            Reals y;
            for (std::int64_t r = 0; r < rows; ++r) {
              y.insert(y.end(), t[0].begin() + r * left, t[0].begin() + (r + 1) * left);
              y.insert(y.end(), t[1].begin() + r * right, t[1].begin() + (r + 1) * right);
            }
            return y;
          }};
}

OpCase narrow_rows_case(const Shape& shape, std::int64_t begin, std::int64_t count) {
  const std::string variant = fmt::format("{} rows {}+{}", to_string(shape), begin, count);
  const std::int64_t size = numel(shape) / shape[0];
  return {"narrow_rows",
          variant,
          {case_input("narrow_rows" + variant, "x", shape)},
          [=](Backend&, const std::vector<Tensor>& t) {
            return [=] { return narrow_rows(t[0], begin, count); };
          },
          [=](const std::vector<Reals>& t) {
            return Reals(t[0].begin() + begin * size, t[0].begin() + (begin + count) * size);
          }};
}

OpCase narrow_cols_case(std::int64_t rows, std::int64_t cols, std::int64_t begin,
                        std::int64_t count) {
  const std::string variant = fmt::format("{}x{} columns {}+{}", rows, cols, begin, count);
  return {"narrow_cols",
          variant,
          {case_input("narrow_cols" + variant, "x", {rows, cols})},
          [=](Backend&, const std::vector<Tensor>& t) {
            return [=] { return narrow_cols(t[0], begin, count); };
          },
          [=](const std::vector<Reals>& t) {
            Reals y;
            for (std::int64_t r = 0; r < rows; ++r) {
              const auto from = t[0].begin() + r * cols + begin;
              y.insert(y.end(), from, from + count);
            }
            return y;
          }};
}

OpCase gather_rows_case(const std::vector<std::int32_t>& index, std::int64_t rows,
                        std::int64_t cols) {
  const std::string variant = fmt::format("{} of {} rows x {}", index.size(), rows, cols);
  OpCase row{"gather_rows",
             variant,
             {case_input("gather_rows" + variant, "x", {rows, cols})},
             [=](Backend& backend, const std::vector<Tensor>& t) {
               const auto held = Tensor::from_host(backend, std::span<const std::int32_t>(index));
               return [=] { return gather_rows(t[0], held); };
             },
             [=](const std::vector<Reals>& t) {
               Reals y;
               for (const std::int32_t r : index) {
                 y.insert(y.end(), t[0].begin() + r * cols, t[0].begin() + (r + 1) * cols);
               }
               return y;
             }};
  row.inputs[0].trains = false;
  return row;
}

OpCase pad_cols_case(std::int64_t rows, std::int64_t from, std::int64_t to) {
  const std::string variant = fmt::format("{} rows, {} -> {}", rows, from, to);
  return {
      "pad_cols",
      variant,
      {case_input("pad_cols" + variant, "x", {rows, from})},
      [=](Backend&, const std::vector<Tensor>& t) { return [=] { return pad_cols(t[0], to); }; },
      [=](const std::vector<Reals>& t) {
        Reals y(as_size(rows * to));
        for (std::int64_t i = 0; i < rows * from; ++i) {
          y[as_size(i / from * to + i % from)] = t[0][as_size(i)];
        }
        return y;
      }};
}

OpCase pad_rows_case(const Shape& shape, std::int64_t to) {
  const std::string variant = fmt::format("{} -> {} rows", to_string(shape), to);
  const std::int64_t size = numel(shape) / shape[0] * to;
  return {
      "pad_rows",
      variant,
      {case_input("pad_rows" + variant, "x", shape)},
      [=](Backend&, const std::vector<Tensor>& t) { return [=] { return pad_rows(t[0], to); }; },
      [=](const std::vector<Reals>& t) {
        Reals y = t[0];
        y.resize(as_size(size));
        return y;
      }};
}

OpCase repeat_segments_case(const std::vector<std::int32_t>& sizes, std::int64_t cols) {
  const std::string variant = fmt::format("{} segments x {}", sizes.size(), cols);
  std::vector<std::int32_t> offsets{0}, segment_of;
  for (const std::int32_t size : sizes) {
    segment_of.insert(segment_of.end(), as_size(size),
                      static_cast<std::int32_t>(offsets.size()) - 1);
    offsets.push_back(offsets.back() + size);
  }
  const auto segments = static_cast<std::int64_t>(sizes.size());
  return {"repeat_segments",
          variant,
          {case_input("repeat_segments" + variant, "x", {segments, cols})},
          [=](Backend& backend, const std::vector<Tensor>& t) {
            const auto starts = Tensor::from_host(backend, std::span<const std::int32_t>(offsets));
            const auto members =
                Tensor::from_host(backend, std::span<const std::int32_t>(segment_of));
            return [=] { return repeat_segments(t[0], starts, members); };
          },
          [=](const std::vector<Reals>& t) {
            Reals y;
            for (const std::int32_t s : segment_of) {
              y.insert(y.end(), t[0].begin() + s * cols, t[0].begin() + (s + 1) * cols);
            }
            return y;
          }};
}

}  // namespace

void add_row_cases(std::vector<OpCase>& table) {
  table.push_back(concat_rows_case({1, 1}, {1}));
  table.push_back(concat_rows_case({3, 5, 1}, {7}));
  table.push_back(concat_rows_case({2, 0, 4}, {33}));
  table.push_back(concat_rows_case({2, 1}, {3, 2, 5}));
  table.push_back(concat_cols_case(1, 1, 1));
  table.push_back(concat_cols_case(5, 7, 3));
  table.push_back(concat_cols_case(0, 2, 2));
  table.push_back(concat_cols_case(600, 65, 66));
  table.push_back(narrow_rows_case({5, 7}, 0, 2));
  table.push_back(narrow_rows_case({5, 7}, 4, 1));
  table.push_back(narrow_rows_case({5, 7}, 3, 0));
  table.push_back(narrow_rows_case({9, 2, 2, 3}, 2, 5));
  table.push_back(narrow_cols_case(3, 5, 0, 2));
  table.push_back(narrow_cols_case(7, 9, 4, 5));
  table.push_back(narrow_cols_case(4, 6, 2, 0));
  table.push_back(gather_rows_case({2}, 3, 1));
  table.push_back(gather_rows_case({4, 0, 4, 1}, 5, 512));
  table.push_back(pad_cols_case(1, 1, 2));
  table.push_back(pad_cols_case(5, 7, 7));
  table.push_back(pad_cols_case(3, 512, 576));
  table.push_back(pad_rows_case({5, 7}, 8));
  table.push_back(pad_rows_case({1, 2, 2, 3}, 4));
  table.push_back(repeat_segments_case({1}, 1));
  table.push_back(repeat_segments_case({3, 0, 5, 1}, 7));
  table.push_back(repeat_segments_case({5, 7, 4}, 128));
}

}  // namespace frost
