#include <algorithm>
#include <numeric>

#include "engine/launch.h"
#include "engine/ops.h"
#include "engine/ops/check.h"

namespace frost {
namespace {

/// Offsets of a counting sort of `key` over `rows`, and the stable order of the elements.
struct Grouping {
  std::vector<std::int32_t> offsets, order;
};

Grouping group_by(std::int64_t rows, std::span<const std::int32_t> key) {
  Grouping g{std::vector<std::int32_t>(static_cast<std::size_t>(rows) + 1),
             std::vector<std::int32_t>(key.size())};
  for (const std::int32_t k : key) {
    require(k >= 0 && k < rows, "edge_index", "an edge names row ", k, " of ", rows);
    ++g.offsets[static_cast<std::size_t>(k) + 1];
  }
  std::partial_sum(g.offsets.begin(), g.offsets.end(), g.offsets.begin());
  std::vector<std::int32_t> next(g.offsets.begin(), g.offsets.end() - 1);
  for (std::size_t i = 0; i < key.size(); ++i) {
    g.order[static_cast<std::size_t>(next[static_cast<std::size_t>(key[i])]++)] =
        static_cast<std::int32_t>(i);
  }
  return g;
}

/// An index that was put together by hand may lie.
void require_index(const EdgeIndex& index) {
  for (const auto& [t, size] : {std::pair{&index.target_offsets, index.rows + 1},
                                {&index.source, index.edges},
                                {&index.source_offsets, index.rows + 1},
                                {&index.edge_of_source, index.edges},
                                {&index.target, index.edges}}) {
    require_dtype(*t, DType::kI32, "graph_attention", "edge index");
    require(t->numel() == size, "graph_attention", "edge index ", t->shape(), " does not fit ",
            index.rows, " rows and ", index.edges, " edges");
  }
}

}  // namespace

EdgeView EdgeIndex::view() const {
  return {rows,
          edges,
          target_offsets.data<std::int32_t>(),
          source.data<std::int32_t>(),
          source_offsets.data<std::int32_t>(),
          edge_of_source.data<std::int32_t>(),
          target.data<std::int32_t>()};
}

EdgeIndex build_edge_index(Backend& backend, std::int64_t rows,
                           std::span<const std::int32_t> source,
                           std::span<const std::int32_t> target, std::vector<std::int32_t>& order) {
  require(source.size() == target.size(), "edge_index", "sources and targets differ in number");
  const Grouping by_target = group_by(rows, target);
  order = by_target.order;
  std::vector<std::int32_t> sorted_source(source.size()), sorted_target(source.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    sorted_source[i] = source[static_cast<std::size_t>(order[i])];
    sorted_target[i] = target[static_cast<std::size_t>(order[i])];
  }
  const Grouping by_source = group_by(rows, sorted_source);
  const auto upload = [&](const std::vector<std::int32_t>& v) {
    return Tensor::from_host(backend, std::span<const std::int32_t>(v));
  };
  return {rows,
          static_cast<std::int64_t>(source.size()),
          upload(by_target.offsets),
          upload(sorted_source),
          upload(by_source.offsets),
          upload(by_source.order),
          upload(sorted_target)};
}

Tensor graph_attention(const EdgeIndex& index, std::int64_t heads, const Tensor& q, const Tensor& k,
                       const Tensor& v, const Tensor& edge) {
  require_rank(q, 2, "graph_attention", "query");
  require(q.shape() == k.shape() && q.shape() == v.shape(), "graph_attention",
          "query, key and value must have one shape; query is ", q.shape());
  require_index(index);
  require(q.dim(0) == index.rows && heads > 0 && q.dim(1) % heads == 0, "graph_attention", "query ",
          q.shape(), " does not fit ", index.rows, " rows and ", heads, " heads");
  require(edge.shape() == Shape{index.edges, q.dim(1)}, "graph_attention", "edge embedding ",
          edge.shape(), " does not fit ", index.edges, " edges");
  enum { kQ, kK, kV, kEdge };
  const std::int64_t width = q.dim(1) / heads;
  Op op("graph_attention", {q, k, v, edge});
  Backend& backend = op.backend();
  const Tensor y = op.output(q.shape()), weights = op.output({index.edges, heads});
  launch("graph_attention_forward", [&] {
    backend.attention().graph_attention_forward(index.view(), heads, width, q.data(), k.data(),
                                                v.data(), edge.data(), weights.data(), y.data());
  });
  const auto all = {std::size_t{kQ}, std::size_t{kK}, std::size_t{kV}, std::size_t{kEdge}};
  const Tensor kept_q = op.save_for(all, q), kept_k = op.save_for(all, k);
  const Tensor kept_v = op.save_for(all, v), kept_edge = op.save_for(all, edge);
  const Tensor kept_weights = op.save_for(all, weights);
  return op.finish(y, [=, &backend](const Tensor& dy, GradSlots& g) {
    const GradOut dq = g.of(kQ), dk = g.of(kK), dv = g.of(kV), dedge = g.of(kEdge);
    launch("graph_attention_backward", [&] {
      backend.attention().graph_attention_backward(
          index.view(), heads, width, kept_q.data(), kept_k.data(), kept_v.data(), kept_edge.data(),
          kept_weights.data(), dy.data(), dq, dk, dv, dedge);
    });
  });
}

}  // namespace frost
