#include "tests/op_table/precision.h"

namespace frost {
namespace {

bool rounds_operands(const OpCase& row, MathMode math) {
  return row.flops > 0 && math != MathMode::kFp32;
}

}  // namespace

std::vector<MathMode> precisions_of(Backend& backend) {
  std::vector<MathMode> taken;
  for (const MathMode math : {MathMode::kFp32, MathMode::kTf32, MathMode::kBf16}) {
    try {
      const PrecisionScope scope(backend, math);
      taken.push_back(math);
    } catch (const UsageError&) {  // the device lacks it
    }
  }
  return taken;
}

PrecisionScope::PrecisionScope(Backend& backend, MathMode math) : backend_(backend) {
  backend.configure({math, true});
}

PrecisionScope::~PrecisionScope() {
  backend_.configure({});
}

double output_tolerance(const OpCase& row, MathMode math) {
  if (!rounds_operands(row, math)) return row.tolerance;
  return math == MathMode::kTf32 ? 0x1p-10 : 0x1p-7;
}

double gradient_tolerance(const OpCase& row, MathMode math) {
  if (!rounds_operands(row, math)) return row.gradient_tolerance;
  if (row.has_kinks) return math == MathMode::kTf32 ? 0.1 : 0.2;
  return math == MathMode::kTf32 ? 0x1p-9 : 0x1p-6;
}

}  // namespace frost
