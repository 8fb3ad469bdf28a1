#include "client/measure/zipf.h"

#include <algorithm>
#include <cmath>

namespace larder::load {
namespace {

// (e^x - 1) / x and ln(1 + x) / x, also near 0, where exponents near 1 lead.
double ExpRatio(double x) { return std::abs(x) > 1e-8 ? std::expm1(x) / x : 1 + x / 2; }
double LogRatio(double x) { return std::abs(x) > 1e-8 ? std::log1p(x) / x : 1 - x / 2; }

}  // namespace

Zipf::Zipf(uint64_t items, double exponent)
    : items_(static_cast<double>(items)), exponent_(exponent) {
  h_first_ = H(1.5) - 1;
  h_last_ = H(items_ + 0.5);
  accept_ = 2 - HInverse(H(2.5) - Density(2));
}

double Zipf::H(double x) const {
  const double log_x = std::log(x);
  return ExpRatio((1 - exponent_) * log_x) * log_x;
}

double Zipf::HInverse(double x) const {
  const double t = std::max(-1.0, x * (1 - exponent_));
  return std::exp(LogRatio(t) * x);
}

double Zipf::Density(double x) const { return std::exp(-exponent_ * std::log(x)); }

uint64_t Zipf::Next(Random& random) const {
  while (true) {
    const double u = h_last_ + random.Fraction() * (h_first_ - h_last_);
    const double x = HInverse(u);
    const double k = std::clamp(std::floor(x + 0.5), 1.0, items_);
    if (k - x <= accept_ || u >= H(k + 0.5) - Density(k)) return static_cast<uint64_t>(k) - 1;
  }
}

}  // namespace larder::load
