// Sequences of operations on a small keyspace at full budget. What must hold: no crash, the budget,
// a value is one that was written under that key, and counts that agree with a scan.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "storage/keyspace.h"

namespace larder::storage {
namespace {

constexpr uint64_t kBudget = Keyspace::kMemoryBytesMin;

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
  void Check() const { Require(value_.compare(0, key_.size(), key_) == 0); }

 private:
  const std::string key_;
  std::string value_;
};

class CountingSink final : public ScanSink {
 public:
  char* Add(std::string_view, const EntryInfo&, size_t) override {
    ++entries;
    return nullptr;
  }
  uint64_t entries = 0;
};

class Machine {
 public:
  explicit Machine(Input input) : input_(input) {
    KeyspaceOptions options;
    options.memory_bytes = kBudget;
    options.stripes = 1u << input_.Byte() % 3;
    options.eviction = static_cast<EvictionKind>(input_.Byte() % 7);
    options.eviction_scope = static_cast<EvictionScope>(input_.Byte() % 2);
    options.leases_max = 16;
    keyspace_ = *Keyspace::Create(options, &clock_);
  }

  void Run() {
    while (!input_.empty()) {
      Step();
      Require(keyspace_->Memory().total() <= kBudget);
    }
    CountingSink live;
    keyspace_->Scan({}, {.limit = ~size_t{0}, .bytes_max = ~size_t{0}, .visits_max = ~size_t{0}},
                    now_, live);
    Require(live.entries <= keyspace_->Stats().entries);
    Require(keyspace_->Flush() >= live.entries);
    Require(keyspace_->Stats().entries == 0 && keyspace_->Stats().leases == 0);
  }

 private:
  TimePoint Later() { return now_ + Millis(1 + input_.Byte()); }
  TimePoint Expiry() { return input_.Byte() % 2 == 0 ? kNever : Later(); }

  void Step() {
    const uint8_t operation = input_.Byte();
    const uint8_t number = input_.Byte() % 64;
    const std::string key = "k" + std::to_string(number) + ":";
    const KeyRef ref{number % 5u, key};
    CheckingSink sink(key);
    switch (operation % 9) {
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
        const std::string value = key + std::string(input_.Number() * 8, 'v');
        const auto result = keyspace_->Set(ref, value, options, now_);
        if (result.ok()) version_ = result->version;
        break;
      }
      case 3:
        if (input_.Byte() % 2 == 0) {
          keyspace_->Delete(ref, {.stale_until = Later()}, now_);
        } else {
          keyspace_->Delete(ref, {.if_version = version_}, now_);
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
        (void)keyspace_->Append(ref, key + std::string(input_.Number(), 'a'),
                                {.created_expires_at = Expiry()}, now_);
        break;
      case 7:
        now_ += Millis(input_.Byte());
        keyspace_->Expire(now_, input_.Byte());
        break;
      default:
        if (input_.Byte() % 16 == 0) keyspace_->FlushSlot(ref.slot);
    }
  }

  Input input_;
  TimePoint now_{Millis(1'000'000)};
  HybridClock clock_{1};
  uint64_t version_ = 1;
  LeaseToken token_{1};
  std::unique_ptr<Keyspace> keyspace_;
};

}  // namespace
}  // namespace larder::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  larder::storage::Machine(larder::storage::Input(data, size)).Run();
  return 0;
}
