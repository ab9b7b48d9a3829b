#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "tests/op_table/op_cases.h"
#include "tests/op_table/op_reference.h"

// Attention along edges.
namespace frost {
namespace {

/// The edges in the order in which the op wants their embeddings: by target, else as given.
Edges by_target(const Edges& edges) {
  std::vector<std::size_t> order(edges.target.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return edges.target[a] < edges.target[b]; });
  Edges sorted{edges.rows, {}, {}};
  for (const std::size_t e : order) {
    sorted.source.push_back(edges.source[e]);
    sorted.target.push_back(edges.target[e]);
  }
  return sorted;
}

}  // namespace

Edges ring_edges(std::int64_t rows, std::int64_t per_row) {
  Edges edges{rows, {}, {}};
  for (std::int64_t step = 1; step <= per_row; ++step) {
    for (std::int64_t row = rows - 1; row >= 0; --row) {
      edges.source.push_back(static_cast<std::int32_t>((row + step * step) % rows));
      edges.target.push_back(static_cast<std::int32_t>(row));
    }
  }
  return edges;
}

OpCase graph_attention_case(const std::string& what, const Edges& edges, std::int64_t heads,
                            std::int64_t width) {
  const std::string variant = fmt::format("{}: {} rows, {} edges, {} heads of {}", what, edges.rows,
                                          edges.source.size(), heads, width);
  const std::string seed = "graph_attention" + variant;
  const std::int64_t dim = heads * width;
  const auto count = static_cast<std::int64_t>(edges.source.size());
  return {"graph_attention",
          variant,
          {case_input(seed, "q", {edges.rows, dim}), case_input(seed, "k", {edges.rows, dim}),
           case_input(seed, "v", {edges.rows, dim}), case_input(seed, "edge", {count, dim})},
          [=](Backend& backend, const std::vector<Tensor>& t) {
            std::vector<std::int32_t> order;
            const EdgeIndex index =
                build_edge_index(backend, edges.rows, edges.source, edges.target, order);
            return [=] { return graph_attention(index, heads, t[0], t[1], t[2], t[3]); };
          },
          [=, sorted = by_target(edges)](const std::vector<Reals>& t) {
            return reference::graph_attention(sorted, static_cast<std::size_t>(heads),
                                              static_cast<std::size_t>(width), t[0], t[1], t[2],
                                              t[3]);
          },
          8.0 * static_cast<double>(count * dim)};
}

void add_graph_cases(std::vector<OpCase>& table) {
  table.push_back(graph_attention_case("no edge", {3, {}, {}}, 2, 4));
  table.push_back(graph_attention_case("self loop", {1, {0}, {0}}, 1, 1));
  table.push_back(graph_attention_case("three tokens", {3, {0, 1, 2}, {2, 2, 0}}, 1, 2));
  table.push_back(graph_attention_case("isolated rows", {6, {4, 1, 1, 4}, {1, 4, 3, 3}}, 4, 3));
  table.push_back(graph_attention_case("multi-edges", {4, {0, 0, 0, 2, 2}, {1, 1, 1, 1, 3}}, 2, 5));
  table.push_back(graph_attention_case("ring", ring_edges(9, 3), 4, 8));
  table.push_back(graph_attention_case("wide ring", ring_edges(40, 4), 4, 32));
}

}  // namespace frost
