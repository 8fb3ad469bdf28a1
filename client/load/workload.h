#ifndef LARDER_CLIENT_LOAD_WORKLOAD_H_
#define LARDER_CLIENT_LOAD_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "client/load/engine.h"
#include "client/load/random.h"
#include "client/measure/zipf.h"

namespace larder::load {

// What zipf_s may be.
inline constexpr double kZipfMin = 0.01;
inline constexpr double kZipfMax = 10;

struct WorkloadOptions {
  uint64_t keys = 100000;
  size_t key_bytes = 16;  // at least the digits of keys - 1
  size_t value_bytes_min = 100;
  size_t value_bytes_max = 100;
  double read_share = 0.9;
  std::optional<double> zipf_s;  // absent: uniform
  uint64_t seed = 1;
};

// Makes up operations. One seed, one sequence. Not thread-safe.
// Keys are numbers 0..keys-1, padded with zeros to key_bytes; number 0 is the most popular one of a
// Zipf distribution. Value sizes are log-uniform, their bytes random.
class Workload {
 public:
  // REQUIRES: the options are in range.
  explicit Workload(const WorkloadOptions& options);

  // A Get or a Set of a random key.
  void MakeMixed(Operation& operation);

  // A Set of a given key.
  void MakeFill(uint64_t key, Operation& operation);

 private:
  void MakeKey(uint64_t key, Operation& operation) const;
  void MakeValue(Operation& operation);

  const WorkloadOptions options_;
  Random random_;
  std::optional<Zipf> zipf_;
  std::string bytes_;  // values are slices of it
};

}  // namespace larder::load

#endif  // LARDER_CLIENT_LOAD_WORKLOAD_H_
