#include "rl/envs/durotaxis/features.h"

// GCC 12 takes its own AVX-512 square root for a use of uninitialised memory (GCC bug 105593).
#pragma GCC diagnostic push
#ifndef __clang__  // which knows no such warning
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <experimental/simd>
#pragma GCC diagnostic pop

#include <algorithm>
#include <cmath>
#include <numeric>

namespace frost {

namespace {

std::size_t at(int index) {
  return static_cast<std::size_t>(index);
}

// Cells that all share one coordinate, or lie on one line, have no hull.
void mark_extremes(const std::vector<Cell>& cells, Hull& hull) {
  const auto by_x = [](const Cell& a, const Cell& b) { return a.x < b.x; };
  const auto by_y = [](const Cell& a, const Cell& b) { return a.y < b.y; };
  const auto mark = [&](auto it) { hull.outer[static_cast<std::size_t>(it - cells.begin())] = 1; };
  mark(std::min_element(cells.begin(), cells.end(), by_x));
  mark(std::max_element(cells.begin(), cells.end(), by_x));
  mark(std::min_element(cells.begin(), cells.end(), by_y));
  mark(std::max_element(cells.begin(), cells.end(), by_y));
}

// A cell as the hull sees it.
struct Corner {
  float x, y;
  std::int32_t cell;

  bool operator<(const Corner& other) const {
    return x != other.x ? x < other.x : y != other.y ? y < other.y : cell < other.cell;
  }
};

// Positive where a -> b -> c turns left.
double turn(const Corner& a, const Corner& b, const Corner& c) {
  const double abx = static_cast<double>(b.x) - a.x, aby = static_cast<double>(b.y) - a.y;
  const double acx = static_cast<double>(c.x) - a.x, acy = static_cast<double>(c.y) - a.y;
  return abx * acy - aby * acx;
}

// Drops cells strictly inside the quadrilateral of the four extreme ones, which cannot be corners,
// so that fewer need sorting (Akl and Toussaint, "A fast convex hull algorithm", 1978).
void drop_inner(std::vector<Corner>& points) {
  const auto by_y = [](const Corner& a, const Corner& b) { return a.y < b.y; };
  const auto by_x = [](const Corner& a, const Corner& b) { return a.x < b.x; };
  const auto [low, high] = std::minmax_element(points.begin(), points.end(), by_y);
  const auto [left, right] = std::minmax_element(points.begin(), points.end(), by_x);
  const Corner west = *left, south = *low, east = *right, north = *high;
  constexpr double kClear = 1e-6;  // far above rounding: what lies on a side stays
  std::erase_if(points, [&](const Corner& p) {
    return turn(west, south, p) > kClear && turn(south, east, p) > kClear &&
           turn(east, north, p) > kClear && turn(north, west, p) > kClear;
  });
}

// Multipliers that bring raw features to model units; all 1 when normalisation is off.
struct Scales {
  double x = 1, y = 1, area = 1, distance = 1, degree = 1, count = 1;

  Scales(const Substrate& substrate, const DurotaxisConfig& config) {
    if (!config.normalize_observation) return;
    const double width = substrate.width(), height = substrate.height();
    x = 1.0 / width;
    y = 1.0 / height;
    area = 1.0 / (width * height);
    distance = 1.0 / std::hypot(width, height);
    degree = 1.0 / 8.0;
    count = 1.0 / config.threshold_critical_nodes;
  }
};

// Several floats at once; each lane sums for one cell, so their number does not change the results.
// Not a plain loop: std::sqrt may set errno, so GCC would not vectorise it.
using Lanes = std::experimental::native_simd<float>;

// The cells' measures as flat arrays in cell order.
struct Measures {
  std::vector<double> x, y, intensity, centrality;
  std::vector<std::int32_t> out_degree;

  Measures(const Colony& colony, const Substrate& substrate, bool normalize)
      : x(at(colony.size())), y(x.size()), intensity(x.size()), out_degree(x.size(), 0) {
    const bool logarithmic = substrate.kind() == SubstrateConfig::Kind::kExponential;
    const double top = substrate.max_intensity();
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Cell& cell = colony.cells()[i];
      x[i] = cell.x;
      y[i] = cell.y;
      const double raw = substrate.intensity(cell.x);
      intensity[i] = !normalize ? raw : logarithmic ? std::log1p(raw) / std::log1p(top) : raw / top;
      if (cell.parent != Cell::kNoParent) ++out_degree[at(cell.parent)];
    }
    measure_centrality();
  }

  // Inverse mean distance to the cells farther than 1e-6: the only quadratic part of a step.
  void measure_centrality() {
    constexpr std::size_t kWidth = Lanes::size();
    const std::size_t n = x.size();
    const std::size_t padded = (n + kWidth - 1) / kWidth * kWidth;
    std::vector<float> px(padded), py(padded);
    for (std::size_t i = 0; i < n; ++i) {
      px[i] = static_cast<float>(x[i]);
      py[i] = static_cast<float>(y[i]);
    }
    centrality.resize(padded);
    for (std::size_t i = 0; i < n; i += kWidth) {
      const Lanes xi(&px[i], std::experimental::element_aligned);
      const Lanes yi(&py[i], std::experimental::element_aligned);
      Lanes sum = 0.0f, count = 0.0f;
      for (std::size_t j = 0; j < n; ++j) {
        const Lanes dx = xi - px[j], dy = yi - py[j];
        const Lanes distance = sqrt(dx * dx + dy * dy);
        const auto far = distance > 1e-6f;
        where(far, sum) += distance;
        where(far, count) += 1.0f;
      }
      for (std::size_t k = 0; k < kWidth; ++k)
        centrality[i + k] =
            count[k] == 0.0f ? 1.0 : 1.0 / (static_cast<double>(sum[k]) / count[k] + 1e-6);
    }
    centrality.resize(n);
  }
};

void fill_nodes(const Colony& colony, const Measures& measures, const Hull& hull,
                const Scales& scale, GraphObservation& out) {
  const auto [cx, cy] = colony.centroid();
  const bool marks = out.node_width > kNodeFeatures;
  out.node_features.resize(at(colony.size() * out.node_width));
  float* row = out.node_features.data();
  for (std::size_t i = 0; i < measures.x.size(); ++i, row += out.node_width) {
    const Cell& cell = colony.cells()[i];
    const double dx = measures.x[i] - cx, dy = measures.y[i] - cy;
    const double values[kNodeFeatures] = {
        measures.x[i] * scale.x,
        measures.y[i] * scale.y,
        measures.intensity[i],
        cell.parent == Cell::kNoParent ? 0.0 : scale.degree,
        measures.out_degree[i] * scale.degree,
        measures.centrality[i],
        std::sqrt(dx * dx + dy * dy) * scale.distance,
        static_cast<double>(hull.outer[i]),
        cell.fresh ? 1.0 : 0.0,
        cell.age / 100.0,
        std::max(cell.age - 1, 0) / 50.0,
    };
    std::transform(std::begin(values), std::end(values), row,
                   [](double value) { return static_cast<float>(value); });
    if (marks) row[kNodeFeatures] = cell.marked ? 1.0f : 0.0f;
  }
}

void fill_graph(const Colony& colony, const Measures& measures, const Hull& hull,
                const Scales& scale, GraphObservation& out) {
  out.graph_features.assign(kGraphFeatures, 0.0f);
  if (colony.size() == 0) return;
  const double n = colony.size(), e = colony.num_edges();
  const auto [cx, cy] = colony.centroid();
  const auto [left, right] = std::minmax_element(measures.x.begin(), measures.x.end());
  const auto [low, high] = std::minmax_element(measures.y.begin(), measures.y.end());
  const double width = *right - *left, height = *high - *low;
  const int max_degree = std::max(
      *std::max_element(measures.out_degree.begin(), measures.out_degree.end()), e > 0.0 ? 1 : 0);
  const double total = std::accumulate(measures.intensity.begin(), measures.intensity.end(), 0.0);
  const double strongest = *std::max_element(measures.intensity.begin(), measures.intensity.end());
  const double values[kGraphFeatures] = {
      n * scale.count,
      e * scale.count,
      n > 1.0 ? e / (n * (n - 1.0)) : 0.0,
      cx * scale.x,
      cy * scale.y,
      *left * scale.x,
      *low * scale.y,
      *right * scale.x,
      *high * scale.y,
      width * scale.x,
      height * scale.y,
      width * height * scale.area,
      hull.area * scale.area,
      e / n * scale.degree,
      max_degree * scale.degree,
      2.0 * e * scale.count,
      total / n,
      strongest,
      total * scale.count,
  };
  std::transform(std::begin(values), std::end(values), out.graph_features.begin(),
                 [](double value) { return static_cast<float>(value); });
}

void fill_edges(const Colony& colony, const Measures& measures, const Scales& scale,
                GraphObservation& out) {
  const std::size_t edges = at(colony.num_edges());
  out.edge_source.reserve(edges);
  out.edge_target.reserve(edges);
  out.edge_features.reserve(edges * kEdgeFeatures);
  for (int target = 0; target < colony.size(); ++target) {
    const std::int32_t source = colony.cell(target).parent;
    if (source == Cell::kNoParent) continue;
    const double dx = measures.x[at(target)] - measures.x[at(source)];
    const double dy = measures.y[at(target)] - measures.y[at(source)];
    // The offsets keep the direction of a zero-length edge defined.
    const double ux = dx + 1e-8, uy = dy + 1e-8;
    const double norm = std::max(std::sqrt(ux * ux + uy * uy), 1e-12);
    out.edge_source.push_back(source);
    out.edge_target.push_back(target);
    for (const double value : {std::sqrt(dx * dx + dy * dy) * scale.distance, ux / norm, uy / norm})
      out.edge_features.push_back(static_cast<float>(value));
  }
}

void fill_mask(const Colony& colony, const Measures& measures, int max_spawn_degree,
               GraphObservation& out) {
  const bool may_delete = colony.size() > kNoDeleteSize;
  out.action_mask.assign(2 * at(colony.size()), 1);
  for (int i = 0; i < colony.size(); ++i) {
    const int degree =
        measures.out_degree[at(i)] + (colony.cell(i).parent == Cell::kNoParent ? 0 : 1);
    // A cell that may not delete may always spawn: no row may forbid everything.
    const bool may_spawn = max_spawn_degree <= 0 || degree < max_spawn_degree || !may_delete;
    out.action_mask[2 * at(i) + kSpawnCell] = may_spawn;
    out.action_mask[2 * at(i) + kDeleteCell] = may_delete;
  }
}

}  // namespace

Hull convex_hull(const std::vector<Cell>& cells) {
  Hull hull;
  hull.outer.assign(cells.size(), cells.size() < 3);
  if (cells.size() < 3) return hull;

  std::vector<Corner> points(cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i)
    points[i] = {cells[i].x, cells[i].y, static_cast<std::int32_t>(i)};
  drop_inner(points);
  std::sort(points.begin(), points.end());
  points.erase(
      std::unique(points.begin(), points.end(),
                  [](const Corner& a, const Corner& b) { return a.x == b.x && a.y == b.y; }),
      points.end());

  std::vector<Corner> corners;  // lower chain left to right, then upper chain back
  corners.reserve(points.size() + 1);
  const auto extend = [&](const Corner& next, std::size_t fixed) {
    while (corners.size() > fixed && turn(corners[corners.size() - 2], corners.back(), next) <= 0.0)
      corners.pop_back();
    corners.push_back(next);
  };
  for (const Corner& next : points) extend(next, 1);
  const std::size_t lower = corners.size();
  for (auto it = points.rbegin() + 1; it < points.rend(); ++it) extend(*it, lower);
  corners.pop_back();  // the first corner again

  if (corners.size() < 3) {
    mark_extremes(cells, hull);
    return hull;
  }
  for (const Corner& corner : corners) hull.outer[at(corner.cell)] = 1;
  for (std::size_t k = 2; k < corners.size(); ++k)
    hull.area += 0.5 * turn(corners[0], corners[k - 1], corners[k]);
  return hull;
}

int node_feature_count(const DurotaxisConfig& config) {
  return kNodeFeatures + (config.marks_observed() ? 1 : 0);
}

GraphObservation extract_features(const Colony& colony, const Substrate& substrate,
                                  const DurotaxisConfig& config) {
  const Measures measures(colony, substrate, config.normalize_observation);
  const Scales scale(substrate, config);
  const Hull hull = convex_hull(colony.cells());
  GraphObservation out;
  out.node_width = node_feature_count(config);
  fill_nodes(colony, measures, hull, scale, out);
  fill_graph(colony, measures, hull, scale, out);
  fill_edges(colony, measures, scale, out);
  fill_mask(colony, measures, config.max_spawn_degree, out);
  return out;
}

}  // namespace frost
