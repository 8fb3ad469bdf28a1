#ifndef LARDER_STORAGE_RANDOM_H_
#define LARDER_STORAGE_RANDOM_H_

#include <cstdint>

namespace larder::storage {

// SplitMix64: a small seeded generator for sampling; the same seed gives the same run.
// Not thread-safe. Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators",
// OOPSLA 2014.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  // A well mixed function of `value`.
  static uint64_t Mix(uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
  }

  uint64_t Next() { return Mix(state_ += 0x9e3779b97f4a7c15ULL); }

  // Uniform in [0, bound). REQUIRES: bound > 0.
  uint64_t Below(uint64_t bound) { return Scale(Next(), bound); }

  // Uniform in (0, 1].
  double Fraction() { return static_cast<double>((Next() >> 11) + 1) * 0x1.0p-53; }

  // Maps a uniform 64-bit number to [0, bound).
  static uint64_t Scale(uint64_t number, uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(number) * bound) >> 64);
  }

 private:
  uint64_t state_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_RANDOM_H_
