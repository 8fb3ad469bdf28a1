#ifndef LARDER_CLIENT_MEASURE_ZIPF_H_
#define LARDER_CLIENT_MEASURE_ZIPF_H_

#include <cstdint>

#include "client/load/random.h"

namespace larder::load {

// Ranks 0..items-1, rank k with a probability in proportion to 1 / (k + 1)^exponent. Exact,
// constant memory and time for any number of items: rejection-inversion (W. Hörmann, G. Derflinger,
// "Rejection-inversion to generate variates from monotone discrete distributions", ACM TOMACS 6(3),
// 1996).
class Zipf {
 public:
  // REQUIRES: items >= 1, exponent > 0.
  Zipf(uint64_t items, double exponent);

  uint64_t Next(Random& random) const;

 private:
  double H(double x) const;         // integral of the density
  double HInverse(double x) const;  // of H
  double Density(double x) const;

  double items_;
  double exponent_;
  double h_first_;
  double h_last_;
  double accept_;
};

}  // namespace larder::load

#endif  // LARDER_CLIENT_MEASURE_ZIPF_H_
