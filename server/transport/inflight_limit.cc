#include "server/transport/inflight_limit.h"

#include <algorithm>
#include <string>

#include "absl/base/attributes.h"
#include "absl/strings/str_cat.h"
#include "server/handlers/retry_hint.h"

namespace larder::server {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// Numbers the threads that ask, from 1.
size_t NumberOfThisThread() {
  static std::atomic<size_t> threads{0};
  static constinit thread_local size_t number = 0;
  if (number == 0) [[unlikely]]
    number = 1 + threads.fetch_add(1, kRelaxed);
  return number;
}

}  // namespace

ABSL_ATTRIBUTE_ALWAYS_INLINE inline InflightLimit::Shard& InflightLimit::ShardOfThisThread() {
  return shards_[NumberOfThisThread() % kShards];
}

absl::Status InflightLimit::Enter() {
  Shard& shard = ShardOfThisThread();
  uint64_t kept = shard.kept.load(kRelaxed);
  while (kept > 0 && MayKeep()) {
    if (shard.kept.compare_exchange_weak(kept, kept - 1, kRelaxed)) return absl::OkStatus();
  }
  return EnterWithoutKept(shard);
}

absl::Status InflightLimit::EnterWithoutKept(Shard& shard) {
  if (TakePlace(shard)) return absl::OkStatus();
  Gather();
  if (TakePlace(shard)) return absl::OkStatus();
  refused_.fetch_add(1, kRelaxed);
  return WithRetryHint(
      absl::ResourceExhaustedError(
          absl::StrCat("the node is overloaded: it serves ", requests_max_.load(kRelaxed), " ",
                       std::string(names_.requests), " already (", std::string(names_.flag), ")")),
      retry_after_);
}

void InflightLimit::Leave() {
  Shard& shard = ShardOfThisThread();
  uint64_t kept = shard.kept.load(kRelaxed);
  while (kept < kKeptMax && MayKeep()) {
    if (shard.kept.compare_exchange_weak(kept, kept + 1, kRelaxed)) return;
  }
  uint64_t returned = 0;
  while (kept >= kAdvance) {
    if (shard.kept.compare_exchange_weak(kept, kept - kAdvance, kRelaxed)) {
      returned = kAdvance;
      break;
    }
  }
  taken_.fetch_sub(1 + returned, kRelaxed);
}

bool InflightLimit::TakePlace(Shard& shard) {
  const uint64_t requests_max = requests_max_.load(kRelaxed);
  uint64_t taken = taken_.load(kRelaxed);
  while (taken < requests_max) {
    const uint64_t places = std::min(1 + kAdvance, requests_max - taken);
    if (!taken_.compare_exchange_weak(taken, taken + places, kRelaxed)) continue;
    if (places > 1) shard.kept.fetch_add(places - 1, kRelaxed);
    return true;
  }
  return false;
}

void InflightLimit::Gather() {
  for (Shard& shard : shards_) {
    if (shard.kept.load(kRelaxed) == 0) continue;
    taken_.fetch_sub(shard.kept.exchange(0, kRelaxed), kRelaxed);
  }
}

uint64_t InflightLimit::current() const {
  const uint64_t taken = taken_.load(kRelaxed);
  uint64_t kept = 0;
  for (const Shard& shard : shards_) kept += shard.kept.load(kRelaxed);
  return taken > kept ? taken - kept : 0;
}

}  // namespace larder::server
