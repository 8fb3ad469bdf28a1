// Sequences of operations on a small keyspace at full budget, under every policy and while the
// limit changes. What must hold: no crash, the budget, a value is one that was written under that
// key, a scan gives each entry once, and counts that agree with a scan.

#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "storage/keyspace.h"

namespace larder::storage {
namespace {

constexpr uint64_t kMebibyte = uint64_t{1} << 20;

void Require(bool holds) {
  if (!holds) std::abort();
}

class Input {
 public:
  Input(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  bool empty() const { return at_ == end_; }
  uint8_t Byte() { return at_ == end_ ? 0 : *at_++; }
  uint32_t Number() { return Byte() | Byte() << 8u; }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

// A value written by this program begins with its key, so that a mix-up shows.
class CheckingSink final : public ValueSink {
 public:
  explicit CheckingSink(const std::string& key) : key_(key) {}
  char* Reserve(const EntryInfo&, size_t value_bytes) override {
    value_.resize(value_bytes);
    return value_.data();
  }
  void Check() const {
    Require(value_.compare(0, key_.size(), key_) == 0);
    // Nothing of another value or of free memory.
    for (size_t i = key_.size(); i < value_.size(); i += 61) {
      Require(std::string_view("0123456789:kva").find(value_[i]) != std::string_view::npos);
    }
  }

 private:
  const std::string key_;
  std::string value_;
};

class CountingSink final : public ScanSink {
 public:
  char* Add(std::string_view key, const EntryInfo&, size_t) override {
    Require(keys.emplace(key).second);
    return nullptr;
  }
  std::set<std::string> keys;
};

class Machine {
 public:
  explicit Machine(Input input) : input_(input) {
    KeyspaceOptions options;
    options.memory_bytes = Keyspace::kMemoryBytesMin << input_.Byte() % 3;
    options.stripes = 1u << input_.Byte() % 3;
    options.eviction = static_cast<EvictionKind>(input_.Byte() % kEvictionKinds);
    options.eviction_scope = static_cast<EvictionScope>(input_.Byte() % 2);
    options.leases_max = 16;
    may_keep_ = options.eviction == EvictionKind::kNone ||
                options.eviction_scope == EvictionScope::kKeysWithTtl;
    keyspace_ = *Keyspace::Create(options, &clock_);
  }

  void Run() {
    while (!input_.empty()) {
      Step();
      // A write that a lowered limit refuses leaves the use where it is, as does eviction=none.
      if (!limit_pending_) Require(keyspace_->Memory().total() <= keyspace_->memory_limit_bytes());
    }
    const uint64_t live = Scan(~size_t{0});
    Require(live <= keyspace_->Stats().entries);
    Require(keyspace_->Flush(now_).value() >= live);
    Require(keyspace_->Stats().entries == 0);
    for (bool more = true; more;) keyspace_->Expire(now_, 1000, &more);
    Require(keyspace_->Stats().leases == 0);
    const MemoryUsage usage = keyspace_->Memory();
    Require(usage.entries == 0 && usage.tables == 0 && usage.leases == 0);
    Require(usage.slack <= kEmptySlackMax);
  }

 private:
  static constexpr int kEvictionKinds = 10;
  // What an empty keyspace takes: the table of segments, which does not shrink.
  static constexpr uint64_t kEmptySlackMax = uint64_t{64} << 10;

  TimePoint Later() { return now_ + Millis(1 + input_.Byte()); }
  TimePoint Expiry() { return input_.Byte() % 2 == 0 ? kNever : Later(); }

  // In steps of a few entries. Returns how many there are.
  uint64_t Scan(size_t limit) {
    CountingSink sink;
    ScanPosition at;
    while (!at.at_end()) {
      at = keyspace_->Scan(at, {.limit = limit, .bytes_max = ~size_t{0}, .visits_max = ~size_t{0}},
                           now_, sink);
    }
    return sink.keys.size();
  }

  // Mostly small, up to 300 KiB: around the sizes of pages and of blocks, too.
  size_t ValueBytes() {
    const uint32_t number = input_.Number();
    switch (input_.Byte() % 4) {
      case 0:
        return number % 64;
      case 1:
        return number % 5000;
      case 2:
        return number % 64 * 4096 + number / 64 % 16;
      default:
        return number * 300ull * 1024 / 0xffff;
    }
  }

  void ChangeLimit() {
    const uint64_t limit = (4 + input_.Byte() % 13) * kMebibyte;
    if (!keyspace_->SetMemoryLimit(limit).ok()) return;
    limit_pending_ = true;
    const size_t evictions_max = 1 + input_.Byte();
    while (keyspace_->Shrink(now_, evictions_max) >= evictions_max) {
    }
    limit_pending_ = keyspace_->Memory().total() > limit;
    // Only what cannot be evicted may be in the way.
    Require(!limit_pending_ || may_keep_);
  }

  void Step() {
    const uint8_t operation = input_.Byte();
    const uint8_t number = input_.Byte() % 64;
    const std::string key = "k" + std::to_string(number) + ":";
    const KeyRef ref{number % 5u, key};
    CheckingSink sink(key);
    switch (operation % 12) {
      case 0:
        if (keyspace_->Get(ref, now_, sink) == GetOutcome::kHit) sink.Check();
        break;
      case 1:
      case 2: {
        SetOptions options;
        options.condition.kind = static_cast<Condition::Kind>(input_.Byte() % 5);
        options.condition.version = version_;
        options.condition.token = token_;
        options.expires_at = Expiry();
        options.keep_expiry = input_.Byte() % 4 == 0;
        const std::string value = key + std::string(ValueBytes(), 'v');
        const auto result = keyspace_->Set(ref, value, options, now_);
        if (result.ok()) version_ = result->version;
        break;
      }
      case 3:
        if (input_.Byte() % 2 == 0) {
          keyspace_->Delete(ref, {.stale_until = Later()}, now_).IgnoreError();
        } else {
          keyspace_->Delete(ref, {.if_version = version_}, now_).IgnoreError();
        }
        break;
      case 4: {
        const double beta = input_.Byte() / 16.0;
        const auto result = keyspace_->Lease(ref, {Millis(1 + input_.Byte()), beta}, now_, sink);
        if (result.ok() && result->has_value) sink.Check();
        if (result.ok() && result->kind == LeaseResult::Kind::kGranted) token_ = result->token;
        break;
      }
      case 5:
        (void)keyspace_->Touch(ref, Expiry(), now_);
        break;
      case 6:
        (void)keyspace_->Append(ref, key + std::string(ValueBytes(), 'a'),
                                {.created_expires_at = Expiry()}, now_);
        break;
      case 7:
        now_ += Millis(input_.Byte());
        keyspace_->Expire(now_, input_.Byte());
        break;
      case 8:
        ChangeLimit();
        break;
      case 9:
        Require(Scan(1 + input_.Byte()) <= keyspace_->Stats().entries);
        break;
      case 10:
        // Many at once, so that budgets are reached and segments fill.
        for (uint32_t i = 0; i < 200; ++i) {
          const uint32_t other = 64 + (i * 7 + number) % 997;
          const std::string name = "k" + std::to_string(other) + ":";
          (void)keyspace_->Set({other % 5, name}, name + std::string(number * 64, 'v'),
                               {.expires_at = i % 2 == 0 ? kNever : now_ + Millis(number)}, now_);
        }
        break;
      default:
        if (input_.Byte() % 16 == 0) Require(keyspace_->FlushSlot(ref.slot, now_).ok());
    }
  }

  Input input_;
  TimePoint now_{Millis(1'000'000)};
  HybridClock clock_{1};
  uint64_t version_ = 1;
  LeaseToken token_{1};
  bool limit_pending_ = false;  // a lowered limit was not reached yet
  bool may_keep_ = false;       // some entries may not be evicted
  std::unique_ptr<Keyspace> keyspace_;
};

}  // namespace
}  // namespace larder::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  larder::storage::Machine(larder::storage::Input(data, size)).Run();
  return 0;
}
