#include "client/load/workload.h"

#include <algorithm>
#include <cmath>

namespace larder::load {
namespace {

constexpr size_t kSliceOffsets = 4096;

}  // namespace

Workload::Workload(const WorkloadOptions& options) : options_(options), random_(options.seed) {
  if (options.zipf_s) zipf_.emplace(options.keys, *options.zipf_s);
  bytes_.resize(options.value_bytes_max + kSliceOffsets);
  for (char& c : bytes_) c = static_cast<char>(random_.Next());
}

void Workload::MakeMixed(Operation& operation) {
  MakeKey(zipf_ ? zipf_->Next(random_) : random_.Below(options_.keys), operation);
  if (random_.Fraction() < options_.read_share) {
    operation.kind = Operation::Kind::kGet;
  } else {
    operation.kind = Operation::Kind::kSet;
    MakeValue(operation);
  }
}

void Workload::MakeFill(uint64_t key, Operation& operation) {
  operation.kind = Operation::Kind::kSet;
  MakeKey(key, operation);
  MakeValue(operation);
}

void Workload::MakeKey(uint64_t key, Operation& operation) const {
  operation.key.assign(options_.key_bytes, '0');
  for (size_t i = operation.key.size(); key > 0 && i-- > 0; key /= 10) {
    operation.key[i] = static_cast<char>('0' + key % 10);
  }
}

void Workload::MakeValue(Operation& operation) {
  size_t bytes = options_.value_bytes_min;
  if (options_.value_bytes_max > bytes) {
    // Counted from 1, so that a range may begin at 0.
    const double low = std::log(static_cast<double>(bytes) + 1);
    const double high = std::log(static_cast<double>(options_.value_bytes_max) + 2);
    const double pick = std::floor(std::exp(low + random_.Fraction() * (high - low))) - 1;
    bytes = std::clamp(static_cast<size_t>(std::max(pick, 0.0)), bytes, options_.value_bytes_max);
  }
  operation.value.assign(bytes_, random_.Below(kSliceOffsets), bytes);
}

}  // namespace larder::load
