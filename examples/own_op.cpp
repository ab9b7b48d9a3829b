// A differentiable op that the library does not have: softplus(x) = log(1 + e^x), computed on the
// host, with its gradient, and held against finite differences.
// usage: own_op                prints the largest error, below 1e-3
#include <frostline/engine/autograd.h>
#include <frostline/kernels/backend_registry.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

frost::Tensor softplus(const frost::Tensor& x) {
  frost::Op op("softplus", {x});
  std::vector<float> values = x.to_host();
  for (float& v : values) v = std::log1p(std::exp(v));
  const frost::Tensor y = frost::Tensor::from_host(x.backend(), x.shape(), values);
  // Kept for the backward pass only if somebody wants the gradient of x.
  const frost::Tensor kept = op.save_for({0}, x);
  return op.finish(y, [kept](const frost::Tensor& dy, frost::GradSlots& slots) {
    std::vector<float> gradient = dy.to_host(), at = kept.to_host();
    for (std::size_t i = 0; i < at.size(); ++i) gradient[i] /= 1.0f + std::exp(-at[i]);
    const frost::Tensor dx = frost::Tensor::from_host(dy.backend(), dy.shape(), gradient);
    dy.backend().elementwise().axpy(dx.numel(), 1.0f, dx.data(), slots.of(0));
  });
}

int main() {
  frost::Backend& backend = frost::cpu_backend();
  const std::vector<float> at = {-3.0f, -0.5f, 0.0f, 0.7f, 4.0f}, ones(5, 1.0f);
  frost::Tensor x = frost::Tensor::from_host(backend, {5}, at);
  x.set_requires_grad(true);
  const frost::Tensor y = softplus(x);
  frost::backward({{y, frost::Tensor::from_host(backend, {5}, ones)}});
  const std::vector<float> gradient = x.grad().to_host();
  double worst = 0;
  for (std::size_t i = 0; i < at.size(); ++i) {
    const double step = 1e-4, v = at[i];
    const auto f = [](double u) { return std::log1p(std::exp(u)); };
    worst = std::max(worst, std::abs((f(v + step) - f(v - step)) / (2 * step) - gradient[i]));
  }
  std::printf("largest error of the gradient: %.1e\n", worst);
  return worst < 1e-3 ? 0 : 1;
}
