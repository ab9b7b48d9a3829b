#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/random.h"
#include "rl/environment.h"
#include "rl/envs/durotaxis/durotaxis_config.h"
#include "rl/envs/durotaxis/substrate.h"

namespace frost {

/// Decisions of a cell.
enum Decision : std::int32_t { kSpawnCell = 0, kDeleteCell = 1 };

/// One cell; its position never changes.
struct Cell {
  static constexpr std::int32_t kNoParent = -1;

  std::int64_t id = 0;  ///< unique within an episode, ascending in cell order
  float x = 0.0f, y = 0.0f;
  std::int32_t parent = kNoParent;        ///< index of the parent cell
  std::int32_t age = 0;                   ///< steps survived
  bool fresh = false;                     ///< spawned by the latest joint action
  bool marked = false;                    ///< marked for deletion (docs/durotaxis.md, "Marking")
  bool spared = false;                    ///< marked to live, by the state machine only
  std::int32_t deadline = 0;              ///< step a marked cell should die at, by the same
  SpawnParameters born_with{0, 0, 0, 0};  ///< of the spawn that created it; zeros for first cells
};

/// Length of a spawn: gamma / (1 + (alpha / I)^2) + noise; an intensity that is not finite or not
/// above 1e-6 counts as 1 (docs/durotaxis.md, "Spawn").
double hill_length(double intensity, double gamma, double alpha, double noise);

/// The optional rules of a joint action (docs/durotaxis.md, "Spawn", "Delete", "Joint action").
struct ActionRules {
  int min_survivors = 0;  ///< of the observed cells; deletes beyond are not executed
  RootDelete root_delete = RootDelete::kSplit;
  std::optional<double> least_gain{};    ///< of an accepted spawn, in local slopes of the field
  RandomStream* length_noise = nullptr;  ///< standard normals on the added length; null: constant
};

/// Mean position {x, y}; {0, 0} without cells.
std::array<double, 2> centroid(const std::vector<Cell>& cells);

/// The colony: cells in insertion order and the edges parent -> child, a rooted forest
/// (docs/durotaxis.md, "Colony"). Every cell has at most one parent, so the parent indices are the
/// edge list.
class Colony {
 public:
  /// Appends a cell joined to `parent` (or to none) and returns its index. Throws Error on a
  /// position that is not finite or a parent that does not exist.
  int add(float x, float y, std::int32_t parent = Cell::kNoParent);
  /// Joins all cells to one path by ascending x, ties in cell order.
  void connect_path();

  static constexpr int kRefused = -1;
  /// Appends the child of cell `parent` and returns its index; all or nothing. Returns `kRefused`
  /// where the rules accept no such child. Throws Error on a parent that does not exist or
  /// parameters that are not finite.
  int spawn(int parent, const SpawnParameters& parameters, const Substrate& substrate,
            const ActionRules& rules = {});
  /// Deletes cell `index`; its children join its parent. Where it had none they become roots, or
  /// their leftmost (ties: the lower index) does and the others join it.
  void remove(int index, RootDelete rule = RootDelete::kSplit);
  /// Executes a joint action on the observed cells: all spawns in ascending order, then all
  /// deletes, in descending order. Only the newborn are `fresh` afterwards.
  ///
  /// `fixed` serves where the action has no parameters. Deletes that would leave fewer than
  /// `rules.min_survivors` of the observed cells are not executed, the rightmost being kept.
  /// Throws Error, with the colony unchanged, on a wrong number of decisions or parameters, an
  /// unknown decision or parameters that are not finite.
  void apply(const Action& action, const SpawnParameters& fixed, const Substrate& substrate,
             const ActionRules& rules = {});

  int size() const { return static_cast<int>(cells_.size()); }
  int num_roots() const;
  int num_edges() const { return size() - num_roots(); }
  const std::vector<Cell>& cells() const { return cells_; }
  const Cell& cell(int index) const { return cells_[static_cast<std::size_t>(index)]; }
  std::array<double, 2> centroid() const { return frost::centroid(cells_); }
  std::int64_t next_id() const { return next_id_; }

  /// Marks a cell for deletion, to die at step `deadline`.
  void mark(int index, std::int32_t deadline = 0);
  /// Marks a cell to live.
  void spare(int index) { cells_[static_cast<std::size_t>(index)].spared = true; }
  void grow_older();
  /// Removes all cells; ids go on counting.
  void clear() { cells_.clear(); }

  /// Rebuilds a colony from stored cells. Throws Error where ids or parents break the invariants.
  static Colony restore(std::vector<Cell> cells, std::int64_t next_id);
  /// Throws Error unless the colony is an acyclic forest with ascending ids below `next_id`.
  void check_forest() const;
  /// `check_forest`, and every position is finite and inside [0, W) x [0, H).
  void check_invariants(const Substrate& substrate) const;

 private:
  void check_action(const Action& action) const;
  void check_parent(const char* op, int parent) const;
  void spare_rightmost(int observed, int excess);
  void promote_heirs();
  void remove_doomed(RootDelete rule);

  std::vector<Cell> cells_;
  std::vector<std::uint8_t> doomed_;   ///< scratch: cells to delete, 1, or deleted, 2
  std::vector<std::int32_t> scratch_;  ///< scratch: orders and index maps
  std::int64_t next_id_ = 0;
};

/// Adds `num_cells` cells at x in [0, W/10), y in [0.4 H, 0.6 H) to an empty colony, joined left to
/// right.
void add_initial_cells(Colony& colony, int num_cells, const Substrate& substrate,
                       RandomStream& stream);
/// The colony an episode begins with.
Colony initial_colony(int num_cells, const Substrate& substrate, RandomStream& stream);

}  // namespace frost
