#include "tests/bench/operation_mix.h"

#include <iterator>

#include "tests/bench/log_uniform.h"

namespace larder::bench {
namespace {

using storage::Millis;

constexpr size_t kValueBytesMin = 10;
constexpr size_t kValueBytesMax = 4096;
constexpr size_t kAppendBytesMax = 64;
constexpr uint64_t kCounters = 10000;  // keys that hold numbers, beside the others
constexpr uint64_t kOperationsPerMilli = 1000;
constexpr uint64_t kMillisPerHousekeeping = 100;
constexpr size_t kRemovalsMax = 500;  // as larderd's housekeeper
constexpr Millis kLeaseHold{1000};
constexpr uint64_t kTtlMillisMax = 100000;
constexpr uint64_t kStatsInterval = 4096;

uint64_t KeysOf(const OperationMixOptions& options) {
  const double entry_bytes =
      static_cast<double>(options.key_bytes) + LogUniformMean(kValueBytesMin, kValueBytesMax);
  return 4 * static_cast<uint64_t>(static_cast<double>(options.memory_bytes) / entry_bytes);
}

}  // namespace

absl::StatusOr<std::unique_ptr<OperationMix>> OperationMix::Create(
    const OperationMixOptions& options) {
  if (options.eviction == storage::EvictionKind::kNone) {
    return absl::InvalidArgumentError("--eviction=none: --histogram writes more than fits");
  }
  std::unique_ptr<OperationMix> mix(new OperationMix(options));
  const absl::Status status = CheckKeyBytes(options.key_bytes, mix->keys_ + kCounters);
  if (!status.ok()) return status;
  storage::KeyspaceOptions keyspace_options;
  keyspace_options.memory_bytes = options.memory_bytes;
  keyspace_options.eviction = options.eviction;
  auto keyspace = storage::Keyspace::Create(keyspace_options, &mix->clock_);
  if (!keyspace.ok()) return keyspace.status();
  mix->keyspace_ = *std::move(keyspace);
  return mix;
}

OperationMix::OperationMix(const OperationMixOptions& options)
    : options_(options),
      keys_(KeysOf(options)),
      value_(kValueBytesMax, 'v'),
      random_(options.seed),
      scratch_key_(options.key_bytes),
      sink_(2 * kValueBytesMax),
      now_(Millis(1'700'000'000'000)) {}

absl::Status OperationMix::Fill() {
  for (uint64_t i = 0; i % kStatsInterval != 0 || keyspace_->Stats().evictions == 0; ++i) {
    value_bytes_ = LogUniform(kValueBytesMin, kValueBytesMax, random_);
    const auto result = keyspace_->Set(scratch_key_(random_.Below(keys_)), Value(), {}, now_);
    if (!result.ok()) return result.status();
    if (i % kOperationsPerMilli == 0) now_ += Millis(1);
  }
  return absl::OkStatus();
}

MixedKind OperationMix::Prepare() {
  value_bytes_ = 0;
  if (token_ == storage::LeaseToken{} && PrepareHousekeeping()) return kind_;
  if (++operations_ % kOperationsPerMilli == 0) {
    now_ += Millis(1);
    expires_due_ = shrinks_due_ = preparation_due_ =
        operations_ % (kOperationsPerMilli * kMillisPerHousekeeping) == 0;
  }
  expires_at_ = storage::kNever;
  if (token_ != storage::LeaseToken{}) {  // the same key
    kind_ = MixedKind::kSet;
  } else {
    kind_ = ChooseKind();
    key_number_ =
        kind_ == MixedKind::kIncrement ? keys_ + random_.Below(kCounters) : random_.Below(keys_);
    key_ = scratch_key_(key_number_);
  }
  if (kind_ == MixedKind::kSet) {
    value_bytes_ = LogUniform(kValueBytesMin, kValueBytesMax, random_);
  } else if (kind_ == MixedKind::kAppend) {
    value_bytes_ = LogUniform(kValueBytesMin, kAppendBytesMax, random_);
  } else if (kind_ == MixedKind::kTouch) {
    expires_at_ = now_ + Millis(LogUniform(1, kTtlMillisMax, random_));
  }
  return kind_;
}

bool OperationMix::PrepareHousekeeping() {
  if (!expires_due_ && !shrinks_due_ && !preparation_due_) return false;
  kind_ = expires_due_   ? MixedKind::kExpire
          : shrinks_due_ ? MixedKind::kShrink
                         : MixedKind::kPrepare;
  key_number_ = 0;
  return true;
}

MixedKind OperationMix::ChooseKind() {
  const uint64_t percent = random_.Below(100);
  if (percent < 60) return MixedKind::kGet;
  if (percent < 85) return MixedKind::kSet;
  if (percent < 90) return MixedKind::kDelete;
  if (percent < 95) return MixedKind::kTouch;
  constexpr MixedKind kRare[] = {MixedKind::kLease, MixedKind::kIncrement, MixedKind::kAppend};
  return kRare[random_.Below(std::size(kRare))];
}

bool OperationMix::Run() {
  switch (kind_) {
    case MixedKind::kGet:
      return keyspace_->Get(key_, now_, sink_) != storage::GetOutcome::kRefused;
    case MixedKind::kSet:
      return RunSet();
    case MixedKind::kDelete:
      keyspace_->Delete(key_, {}, now_).IgnoreError();
      return true;
    case MixedKind::kTouch:
      return keyspace_->Touch(key_, expires_at_, now_).ok();
    case MixedKind::kLease:
      return RunLease();
    case MixedKind::kIncrement:
      return RunIncrement();
    case MixedKind::kAppend:
      return RunAppend();
    case MixedKind::kExpire:
      keyspace_->Expire(now_, kRemovalsMax, &expires_due_);
      return true;
    case MixedKind::kShrink:
      shrinks_due_ = keyspace_->Shrink(now_, kRemovalsMax) >= kRemovalsMax;
      return true;
    case MixedKind::kPrepare:
      keyspace_->PrepareMemory();
      preparation_due_ = false;
      return true;
  }
  return false;
}

bool OperationMix::RunSet() {
  storage::SetOptions options;
  if (token_ != storage::LeaseToken{}) {
    options.condition = {.kind = storage::Condition::Kind::kLeaseToken, .token = token_};
    token_ = {};
  }
  return keyspace_->Set(key_, Value(), options, now_).ok();
}

bool OperationMix::RunLease() {
  const auto result = keyspace_->Lease(key_, {.hold_for = kLeaseHold}, now_, sink_);
  if (!result.ok()) return false;
  if (result->kind == storage::LeaseResult::Kind::kGranted) token_ = result->token;
  return true;
}

bool OperationMix::RunIncrement() {
  storage::IncrementOptions options;
  options.delta = 1;
  options.initial = 0;
  return keyspace_->Increment(key_, options, now_).ok();
}

bool OperationMix::RunAppend() {
  storage::AppendOptions options;
  options.value_bytes_max = 2 * kValueBytesMax;
  const auto result = keyspace_->Append(key_, Value(), options, now_);
  return result.ok() || absl::IsInvalidArgument(result.status());  // the value is long enough
}

}  // namespace larder::bench
