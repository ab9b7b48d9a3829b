#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/ops.h"
#include "kernels/backend_registry.h"
#include "tests/op_table/conv_specs.h"

namespace frost {

using Reals = std::vector<double>;

/// A float input of a row. Integer operands and attributes live in the row's closures.
struct CaseInput {
  std::string name;
  Shape shape;
  std::vector<float> values;
  bool trains = true;  ///< whether a gradient is wanted
};

/// A row of the op table: one public op on one set of inputs. Parity, gradients, guard bytes and
/// benchmarks follow from it.
struct OpCase {
  using Run = std::function<Tensor()>;

  std::string op;  ///< as engine/ops.h or engine/policy_ops.h spells it
  std::string variant;
  std::vector<CaseInput> inputs;
  /// Ties the op to tensors of a backend; each call of the result runs it once.
  std::function<Run(Backend&, const std::vector<Tensor>&)> bind;
  /// The same function in plain float64.
  std::function<Reals(const std::vector<Reals>&)> reference;
  double flops = 0;  ///< of one forward pass; 0 where bytes are what costs

  double tolerance = 1e-6;           ///< relative L2 error of the output
  double gradient_tolerance = 5e-6;  ///< and of each input's gradient
  bool has_kinks = false;            ///< ReLU, maximum, clip: slopes may differ on two sides
  std::size_t differentiable = 0;    ///< leading outputs that pass gradients; 0: all

  std::string title() const { return op + " " + variant; }
};

/// The table. Adding an op is a row here and nothing else.
const std::vector<OpCase>& op_cases();
/// The names in the table, each once, in its order.
std::vector<std::string> op_case_names();
/// The rows of one op.
std::vector<const OpCase*> op_cases_of(const std::string& op);

/// Every backend that this machine can run; the first call prints their descriptions. Throws Error
/// where `FROST_REQUIRE_DEVICES` names a device that cannot be used.
std::vector<Backend*> test_backends();
/// Throws that Error, with the reason.
void require_if_asked(const BackendStatus& status);

/// The inputs as leaves; those named by `trains` (one flag per input) want gradients.
std::vector<Tensor> upload(Backend& backend, const std::vector<CaseInput>& inputs,
                           const std::vector<bool>& trains);
std::vector<bool> trains_of(const OpCase& row);
std::vector<Reals> as_reals(const std::vector<CaseInput>& inputs);
Reals as_reals(std::span<const float> values);
/// ||a - b|| / ||b||, or ||a - b|| where b is zero; infinite where a value is not finite.
double relative_error(std::span<const double> a, std::span<const double> b);
double relative_error(std::span<const float> a, std::span<const double> b);

/// An input with values of unit variance around `mean`, a function of `seed` and `name` alone.
CaseInput case_input(const std::string& seed, const std::string& name, Shape shape,
                     double deviation = 1.0, double mean = 0.0);

// Makers of rows, for the table and for benchmarks on larger shapes.

OpCase linear_case(std::int64_t n, std::int64_t in, std::int64_t out, bool bias);
OpCase gelu_case(std::int64_t n, std::int64_t cols);
OpCase tanh_case(std::int64_t n, std::int64_t cols);
OpCase layer_norm_case(std::int64_t n, std::int64_t cols, double mean = 0.3);
OpCase grouped_softmax_case(std::int64_t n, std::int64_t cols, std::int64_t groups,
                            double temperature);

OpCase conv_bn_case(const ConvSpec& spec);
/// Of one forward pass of a convolution.
double conv_flops(const Conv2dShape& shape);
OpCase max_pool_case(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c,
                     std::int64_t kernel, std::int64_t stride, std::int64_t pad);
OpCase global_avg_pool_case(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c);

struct Edges {
  std::int64_t rows = 0;
  std::vector<std::int32_t> source, target;
};
/// `per_row` edges into every row from rows behind it, in no sorted order.
Edges ring_edges(std::int64_t rows, std::int64_t per_row);
OpCase graph_attention_case(const std::string& what, const Edges& edges, std::int64_t heads,
                            std::int64_t width);

// Parts of the table.

void add_dense_cases(std::vector<OpCase>& table);
void add_row_cases(std::vector<OpCase>& table);
void add_conv_cases(std::vector<OpCase>& table);
void add_graph_cases(std::vector<OpCase>& table);
void add_unfused_cases(std::vector<OpCase>& table);
void add_loss_cases(std::vector<OpCase>& table);
void add_policy_cases(std::vector<OpCase>& table);

}  // namespace frost
