#include "tests/gpu_double/cudnn/interpreter.h"

#include <atomic>
#include <cstddef>
#include <utility>

#include "kernels/bfloat16.h"
#include "tests/gpu_double/cudnn/convolution.h"
#include "tests/gpu_double/rounding.h"

namespace frost::gpu_double::cudnn {
namespace {

/// What another order of float32 sums changes, about.
constexpr double kOtherOrder = 1.0 + 0x1p-21;

void read(float from, double& to) {
  to = from;
}
void read(std::uint16_t from, double& to) {
  to = bfloat16_to_float(from);
}
void write(double from, float& to) {
  to = static_cast<float>(from);
}
void write(double from, std::uint16_t& to) {
  to = round_to_bfloat16(static_cast<float>(from));
}

/// Calls fn(element in memory, number) for every element of the tensor.
template <class T, class Number, class Fn>
void zip(const Tensor& tensor, T* data, Number* number, const Fn& fn) {
  const auto& [n, c, h, w] = tensor.strides;
  for (std::int64_t i = 0; i < tensor.dims[0]; ++i) {
    for (std::int64_t y = 0; y < tensor.dims[2]; ++y) {
      for (std::int64_t x = 0; x < tensor.dims[3]; ++x) {
        T* pixel = data + i * n + y * h + x * w;
        if (c == 1) {
          for (std::int64_t k = 0; k < tensor.dims[1]; ++k) fn(pixel[k], *number++);
        } else {
          for (std::int64_t k = 0; k < tensor.dims[1]; ++k) fn(pixel[k * c], *number++);
        }
      }
    }
  }
}

class Interpreter {
 public:
  Interpreter(const Engine& engine, const std::map<std::int64_t, void*>& data)
      : engine_(engine), data_(data) {}

  void operator()(const Convolution& convolution) {
    const auto operands = convolution.operands();
    Numbers sums = convolve(convolution, rounded(*operands[0]), rounded(*operands[1]));
    const double alpha = convolution.alpha, beta = convolution.beta;
    const Numbers before = beta == 0 ? Numbers() : load(convolution.result());
    for (std::size_t i = 0; i < sums.size(); ++i) {
      sums[i] = alpha * sums[i] + (beta == 0 ? 0.0 : beta * before[i]);
    }
    if (engine_.has(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION)) {
      for (double& sum : sums) sum = keep_bits(static_cast<float>(sum), kBfloat16Bits);
    }
    if (engine_.has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC)) change_every_other_time(sums);
    store(convolution.result(), std::move(sums));
  }

  void operator()(const Pointwise& pointwise) {
    Numbers y = load(pointwise.x);
    if (pointwise.mode == CUDNN_POINTWISE_ADD) {
      add(pointwise.y.dims, pointwise.b->dims, load(*pointwise.b), y);
    } else if (engine_.has(CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP)) {
      // The backend fuses no ReLU, because few engines have this note; a test fails if it does.
      for (double& each : y) each = each < 0 ? 0 : each;
    } else {
      for (double& each : y) each = each > 0 ? each : 0;  // 0 for NaN
    }
    store(pointwise.y, std::move(y));
  }

 private:
  static void add(const Dims& dims, const Dims& b_dims, const Numbers& b, Numbers& y) {
    const auto step = [&](std::size_t dim, std::int64_t stride) {
      return b_dims[dim] == 1 ? 0 : stride;
    };
    const std::int64_t at_w = step(3, b_dims[1]), at_h = step(2, b_dims[3] * b_dims[1]),
                       at_n = step(0, b_dims[2] * b_dims[3] * b_dims[1]), at_c = step(1, 1);
    double* number = y.data();
    for (std::int64_t n = 0; n < dims[0]; ++n) {
      for (std::int64_t h = 0; h < dims[2]; ++h) {
        for (std::int64_t w = 0; w < dims[3]; ++w) {
          const double* pixel = b.data() + n * at_n + h * at_h + w * at_w;
          for (std::int64_t c = 0; c < dims[1]; ++c) *number++ += pixel[c * at_c];
        }
      }
    }
  }

  static void change_every_other_time(Numbers& sums) {
    static std::atomic<unsigned> runs = 0;
    if (runs++ % 2 == 0) return;
    for (double& sum : sums) sum *= kOtherOrder;
  }

  Numbers load(const Tensor& tensor) const {
    if (tensor.is_virtual) return inner_.at(tensor.uid);
    Numbers numbers(static_cast<std::size_t>(tensor.elements()));
    const auto copy = [](auto from, double& to) { read(from, to); };
    const void* data = data_.at(tensor.uid);
    if (tensor.type == CUDNN_DATA_FLOAT) {
      zip(tensor, static_cast<const float*>(data), numbers.data(), copy);
    } else {
      zip(tensor, static_cast<const std::uint16_t*>(data), numbers.data(), copy);
    }
    return numbers;
  }

  /// What the engine multiplies.
  Numbers rounded(const Tensor& tensor) const {
    Numbers numbers = load(tensor);
    if (engine_.mantissa_bits < kFloatBits) {
      for (double& x : numbers) x = keep_bits(static_cast<float>(x), engine_.mantissa_bits);
    }
    return numbers;
  }

  void store(const Tensor& tensor, Numbers numbers) {
    const auto copy = [](auto& to, double from) { write(from, to); };
    if (tensor.is_virtual) {
      inner_[tensor.uid] = std::move(numbers);
    } else if (tensor.type == CUDNN_DATA_FLOAT) {
      zip(tensor, static_cast<float*>(data_.at(tensor.uid)), numbers.data(), copy);
    } else {
      zip(tensor, static_cast<std::uint16_t*>(data_.at(tensor.uid)), numbers.data(), copy);
    }
  }

  const Engine& engine_;
  const std::map<std::int64_t, void*>& data_;
  std::map<std::int64_t, Numbers> inner_;  ///< virtual tensors, in full precision
};

}  // namespace

void interpret(const Graph& graph, const Engine& engine,
               const std::map<std::int64_t, void*>& data) {
  Interpreter interpreter(engine, data);
  for (const Operation& operation : graph.operations) std::visit(interpreter, operation);
}

}  // namespace frost::gpu_double::cudnn
