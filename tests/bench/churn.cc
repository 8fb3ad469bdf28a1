#include "tests/bench/churn.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/bench/log_uniform.h"
#include "tests/bench/resident_memory.h"

namespace larder::bench {
namespace {

using storage::Millis;

constexpr std::pair<size_t, size_t> kMixed = {10, 4096};
constexpr std::pair<size_t, size_t> kSmall = {10, 100};
constexpr std::pair<size_t, size_t> kLarge = {1024, 4096};
constexpr uint64_t kKeysOverCapacity = 4;  // how many times as many keys as fit
constexpr uint64_t kDeleteOneIn = 10;
constexpr uint64_t kOperationsPerMilli = 100;
constexpr uint64_t kOperationsPerLook = 4096;
constexpr size_t kShrinkStep = 1000;
constexpr uint64_t kMemoryBytesMin = uint64_t{8} << 20;  // halved it is still a valid budget

// Adds up what is held, without a copy of it.
class SizeSink final : public storage::ScanSink {
 public:
  char* Add(std::string_view key, const storage::EntryInfo& /*info*/, size_t value_bytes) override {
    bytes += key.size() + value_bytes;
    return nullptr;
  }

  uint64_t bytes = 0;
};

// About how many keys with values of these sizes fit.
uint64_t KeysThatFit(uint64_t memory_bytes, size_t key_bytes, std::pair<size_t, size_t> sizes) {
  const double entry_bytes =
      static_cast<double>(key_bytes) + LogUniformMean(sizes.first, sizes.second);
  return static_cast<uint64_t>(static_cast<double>(memory_bytes) / entry_bytes) + 1;
}

absl::Status CheckOptions(const ChurnOptions& options) {
  if (options.memory_bytes < kMemoryBytesMin) {
    return absl::InvalidArgumentError(
        absl::StrCat("--memory=", options.memory_bytes, ": --churn needs 8MiB at least"));
  }
  if (options.eviction == storage::EvictionKind::kNone) {
    return absl::InvalidArgumentError("--eviction=none: --churn writes more than fits");
  }
  return CheckKeyBytes(
      options.key_bytes,
      kKeysOverCapacity * KeysThatFit(options.memory_bytes, options.key_bytes, kSmall));
}

}  // namespace

Churn::Churn(const ChurnOptions& options)
    : options_(options),
      resident_before_(ResidentBytes()),
      value_(kMixed.second, 'v'),
      random_(options.seed),
      key_(options.key_bytes),
      now_(Millis(1'700'000'000'000)) {}

absl::StatusOr<std::vector<ChurnState>> Churn::Run(const ChurnOptions& options) {
  absl::Status status = CheckOptions(options);
  if (!status.ok()) return status;
  Churn churn(options);
  status = churn.RunPhases();
  if (!status.ok()) return status;
  return std::move(churn.states_);
}

absl::Status Churn::RunPhases() {
  storage::KeyspaceOptions keyspace_options;
  keyspace_options.memory_bytes = options_.memory_bytes;
  keyspace_options.eviction = options_.eviction;
  auto keyspace = storage::Keyspace::Create(keyspace_options, &clock_);
  if (!keyspace.ok()) return keyspace.status();
  keyspace_ = *std::move(keyspace);

  absl::Status status = FillAndChange(kMixed, options_.operations);
  if (status.ok()) {
    Record("mixed sizes at full budget");
    status = SetLimit(options_.memory_bytes / 2);
  }
  if (status.ok()) {
    Record("budget halved");
    status = Operate(kMixed, options_.operations / 4);
  }
  if (status.ok()) {
    Record("and after more operations");
    status = SetLimit(options_.memory_bytes);
  }
  if (status.ok()) status = FillAndChange(kMixed, options_.operations / 4);
  if (status.ok()) {
    Record("budget full again");
    status = Replace(kSmall);
  }
  if (status.ok()) {
    Record("small values (10..100 B)");
    status = Replace(kLarge);
  }
  if (status.ok()) Record("then large ones (1..4 KiB)");
  return status;
}

absl::Status Churn::FillAndChange(Sizes sizes, uint64_t operations) {
  const uint64_t evictions = keyspace_->Stats().evictions;
  while (keyspace_->Stats().evictions == evictions) {
    const absl::Status status = Operate(sizes, kOperationsPerLook);
    if (!status.ok()) return status;
  }
  return Operate(sizes, operations);
}

absl::Status Churn::Replace(Sizes sizes) {
  return Operate(sizes, 2 * KeysThatFit(options_.memory_bytes, options_.key_bytes, sizes));
}

absl::Status Churn::Operate(Sizes sizes, uint64_t operations) {
  const uint64_t keys =
      kKeysOverCapacity * KeysThatFit(options_.memory_bytes, options_.key_bytes, sizes);
  for (uint64_t i = 0; i < operations; ++i) {
    if (++operations_done_ % kOperationsPerMilli == 0) now_ += Millis(1);
    if (operations_done_ % kOperationsPerLook == 0) WatchResident();
    const storage::KeyRef key = key_(random_.Below(keys));
    if (random_.Below(kDeleteOneIn) == 0) {
      keyspace_->Delete(key, {}, now_).IgnoreError();
      continue;
    }
    const size_t value_bytes = LogUniform(sizes.first, sizes.second, random_);
    const auto result =
        keyspace_->Set(key, std::string_view(value_).substr(0, value_bytes), {}, now_);
    if (!result.ok()) return result.status();
  }
  return absl::OkStatus();
}

absl::Status Churn::SetLimit(uint64_t bytes) {
  const absl::Status status = keyspace_->SetMemoryLimit(bytes);
  while (status.ok() && keyspace_->Shrink(now_, kShrinkStep) >= kShrinkStep) {
  }
  return status;
}

void Churn::Record(const std::string& phase) {
  WatchResident();
  ChurnState state;
  state.phase = phase;
  state.budget_bytes = keyspace_->memory_limit_bytes();
  state.resident_bytes = ResidentBytes() - resident_before_;
  state.resident_bytes_max = resident_max_ - resident_before_;
  state.counted_bytes = keyspace_->Memory().total();
  state.held_bytes = HeldBytes();
  state.entries = keyspace_->Stats().entries;
  states_.push_back(state);
  resident_max_ = 0;
}

uint64_t Churn::HeldBytes() const {
  SizeSink sink;
  storage::ScanOptions scan;
  scan.limit = 1000000;
  scan.bytes_max = size_t{1} << 40;
  scan.visits_max = 1000000;
  for (storage::ScanPosition position; !position.at_end();) {
    position = keyspace_->Scan(position, scan, now_, sink);
  }
  return sink.bytes;
}

void Churn::WatchResident() { resident_max_ = std::max(resident_max_, ResidentBytes()); }

}  // namespace larder::bench
