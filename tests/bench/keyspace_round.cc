#include "tests/bench/keyspace_round.h"

#include <algorithm>
#include <barrier>
#include <bit>
#include <thread>

#include "absl/strings/str_cat.h"
#include "client/measure/zipf.h"
#include "tests/bench/buffer_sink.h"
#include "tests/bench/fill_sizes.h"
#include "tests/bench/thread_time.h"

namespace larder::bench {
namespace {

using storage::GetOutcome;
using storage::Millis;
using storage::TimePoint;

constexpr double kZipfExponent = 0.99;
constexpr int kThreadsMax = 2;
constexpr TimePoint kStart{Millis(1'700'000'000'000)};
constexpr int kOperationsPerMilliBits = 10;
constexpr size_t kFillUpBatch = 1024;
// The room of deleted entries may be used only after some were evicted.
constexpr size_t kFillUpEvictions = 32 * kFillUpBatch;
// Prepares as a housekeeper does ten times a second while clients write what they can.
constexpr uint64_t kSetsPerPreparation = 50000;

// Parts the popular keys of a zipf distribution from the order in which they were inserted.
uint64_t Permuted(uint64_t rank, uint64_t keys) {
  constexpr uint64_t kPrime = 2654435761;
  return rank * kPrime % keys;
}

}  // namespace

absl::Status CheckOptions(const KeyspaceRoundOptions& options) {
  absl::Status status = CheckCount("keys", options.keys);
  status.Update(CheckCount("operations", options.operations));
  status.Update(CheckValueBytes(options.value_bytes));
  if (!status.ok()) return status;
  const uint64_t entry_bytes = options.key_bytes + options.value_bytes + 1;
  const uint64_t fill_up =
      options.memory_bytes.value_or(storage::Keyspace::kMemoryBytesMin) / entry_bytes;
  return CheckKeyBytes(
      options.key_bytes,
      2 * options.keys + fill_up + kThreadsMax * (options.operations + kFillUpEvictions));
}

KeyspaceRound::KeyspaceRound(const KeyspaceRoundOptions& options)
    : options_(options),
      value_(options.value_bytes, 'v'),
      random_(options.seed),
      sequence_(options.key_bytes, options.operations),
      now_(kStart),
      next_new_number_(2 * options.keys) {}

absl::StatusOr<std::vector<Timing>> KeyspaceRound::Run(const KeyspaceRoundOptions& options) {
  absl::Status status = CheckOptions(options);
  if (!status.ok()) return status;
  KeyspaceRound round(options);
  status = round.Fill();
  for (int threads = 1; threads <= kThreadsMax; ++threads) {
    for (const char* distribution : {"zipf", "uniform"}) {
      if (status.ok()) status = round.TimeReadsAndOverwrites(distribution, threads);
    }
  }
  for (int threads = 1; threads <= kThreadsMax; ++threads) {
    if (status.ok()) status = round.TimeDeletes(threads);
  }
  if (status.ok() && options.eviction != storage::EvictionKind::kNone) {
    status = round.FillUp();
    for (int threads = 1; threads <= kThreadsMax; ++threads) {
      if (status.ok()) status = round.TimeNewKeys(threads);
    }
  }
  if (!status.ok()) return status;
  return std::move(round.timings_);
}

absl::Status KeyspaceRound::Fill() {
  storage::KeyspaceOptions keyspace_options;
  keyspace_options.memory_bytes = options_.memory_bytes.value_or(
      AmpleMemory(options_.keys, options_.key_bytes, options_.value_bytes));
  keyspace_options.eviction = options_.eviction;
  // Few keys: so few stripes that the limit can be lowered to what they fill.
  keyspace_options.stripes = static_cast<uint32_t>(std::bit_floor(std::clamp<uint64_t>(
      options_.keys * (options_.key_bytes + options_.value_bytes) >> 20, 1, 64)));
  auto keyspace = storage::Keyspace::Create(keyspace_options, &clock_);
  if (!keyspace.ok()) return keyspace.status();
  keyspace_ = *std::move(keyspace);
  ScratchKey key(options_.key_bytes);
  for (uint64_t i = 0; i < options_.keys; ++i) {
    if (i % kSetsPerPreparation == 0) keyspace_->PrepareMemory();
    const auto result = keyspace_->Set(key(i), value_, {}, NowOf(i));
    if (!result.ok()) return result.status();
  }
  now_ = NowOf(options_.keys);
  if (keyspace_->Stats().evictions == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--memory=", keyspace_options.memory_bytes,
                                                 " holds only ", keyspace_->Stats().entries,
                                                 " of --keys=", options_.keys));
}

absl::Status KeyspaceRound::TimeReadsAndOverwrites(const std::string& distribution, int threads) {
  Pick(distribution, 0);
  absl::Status status = Time("get_hit", distribution, threads, [this](size_t begin, size_t end) {
    return Get(begin, end, GetOutcome::kHit);
  });
  if (!status.ok()) return status;
  status = Time("set_overwrite", distribution, threads,
                [this](size_t begin, size_t end) { return Set(begin, end); });
  if (!status.ok()) return status;
  Pick(distribution, options_.keys);
  return Time("get_miss", distribution, threads,
              [this](size_t begin, size_t end) { return Get(begin, end, GetOutcome::kMiss); });
}

absl::Status KeyspaceRound::TimeDeletes(int threads) {
  const uint64_t deletes = std::min(options_.operations, (options_.keys + 1) / 2);
  sequence_.Clear();
  // Others for each number of threads: keys that were just set again lie side by side in memory.
  const uint64_t first = (threads - 1) * deletes;
  for (uint64_t i = 0; i < deletes; ++i) {
    sequence_.Add(Permuted((first + i) % options_.keys, options_.keys));
  }
  const absl::Status status = Time("delete", "each once", threads,
                                   [this](size_t begin, size_t end) { return Delete(begin, end); });
  if (!status.ok()) return status;
  if (Set(0, deletes) == 0) return absl::OkStatus();
  return absl::InternalError("deleted keys could not be set again");
}

absl::Status KeyspaceRound::FillUp() {
  if (!options_.memory_bytes.has_value()) {
    const absl::Status status = keyspace_->SetMemoryLimit(
        std::max(keyspace_->Memory().total(), storage::Keyspace::kMemoryBytesMin));
    if (!status.ok()) return status;
  }
  ScratchKey key(options_.key_bytes);
  while (keyspace_->Stats().evictions < kFillUpEvictions) {
    for (size_t i = 0; i < kFillUpBatch; ++i) {
      const auto result = keyspace_->Set(key(next_new_number_++), value_, {}, now_);
      if (!result.ok()) return result.status();
    }
    now_ += Millis(1);
  }
  return absl::OkStatus();
}

absl::Status KeyspaceRound::TimeNewKeys(int threads) {
  sequence_.Clear();
  for (uint64_t i = 0; i < options_.operations; ++i) sequence_.Add(next_new_number_++);
  const uint64_t evictions_before = keyspace_->Stats().evictions;
  const absl::Status status = Time("set_new", "each once", threads,
                                   [this](size_t begin, size_t end) { return Set(begin, end); });
  if (!status.ok()) return status;
  const uint64_t evictions = keyspace_->Stats().evictions - evictions_before;
  // A layout may free in larger pieces than it fills: not each single Set need evict just one.
  if (options_.operations < 100000 || evictions >= options_.operations / 2) {
    return absl::OkStatus();
  }
  return absl::InternalError(absl::StrCat(options_.operations, " new keys at full budget evicted ",
                                          evictions, " entries only"));
}

void KeyspaceRound::Pick(const std::string& distribution, uint64_t first_number) {
  const load::Zipf zipf(options_.keys, kZipfExponent);
  sequence_.Clear();
  for (uint64_t i = 0; i < options_.operations; ++i) {
    const uint64_t rank =
        distribution == "zipf" ? zipf.Next(random_) : random_.Below(options_.keys);
    sequence_.Add(first_number + Permuted(rank, options_.keys));
  }
}

absl::Status KeyspaceRound::Time(const std::string& operation, const std::string& distribution,
                                 int threads, const Phase& phase) {
  const size_t operations = sequence_.size();
  std::vector<int64_t> nanos(threads);
  std::vector<uint64_t> wrong(threads);
  {
    std::barrier begin_together(threads);
    std::vector<std::jthread> workers;
    for (int i = 0; i < threads; ++i) {
      workers.emplace_back([&, i] {
        begin_together.arrive_and_wait();
        const int64_t begin = ThreadCpuNanos();
        wrong[i] = phase(operations * i / threads, operations * (i + 1) / threads);
        nanos[i] = ThreadCpuNanos() - begin;
      });
    }
  }
  now_ = NowOf(operations);
  int64_t nanos_total = 0;
  uint64_t wrong_total = 0;
  for (int i = 0; i < threads; ++i) {
    nanos_total += nanos[i];
    wrong_total += wrong[i];
  }
  if (wrong_total > 0) {
    return absl::InternalError(absl::StrCat(operation, ": ", wrong_total, " of ", operations,
                                            " operations had another outcome"));
  }
  timings_.push_back({operation, distribution, threads,
                      static_cast<double>(nanos_total) / static_cast<double>(operations)});
  return absl::OkStatus();
}

uint64_t KeyspaceRound::Get(size_t begin, size_t end, GetOutcome expected) {
  BufferSink sink(options_.value_bytes);
  uint64_t wrong = 0;
  for (size_t i = begin; i < end; ++i) {
    wrong += keyspace_->Get(sequence_[i], NowOf(i - begin), sink) != expected;
  }
  return wrong;
}

uint64_t KeyspaceRound::Set(size_t begin, size_t end) {
  uint64_t wrong = 0;
  for (size_t i = begin; i < end; ++i) {
    wrong += !keyspace_->Set(sequence_[i], value_, {}, NowOf(i - begin)).ok();
  }
  return wrong;
}

uint64_t KeyspaceRound::Delete(size_t begin, size_t end) {
  uint64_t wrong = 0;
  for (size_t i = begin; i < end; ++i) {
    wrong += !keyspace_->Delete(sequence_[i], {}, NowOf(i - begin))->deleted;
  }
  return wrong;
}

TimePoint KeyspaceRound::NowOf(size_t operation) const {
  return now_ + Millis(operation >> kOperationsPerMilliBits);
}

}  // namespace larder::bench
