#ifndef LARDER_TESTS_STORAGE_KEYSPACE_FIXTURE_H_
#define LARDER_TESTS_STORAGE_KEYSPACE_FIXTURE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "storage/keyspace.h"
#include "tests/storage/test_hash.h"

namespace larder::storage {

// A sink that keeps what it was given.
class StringSink final : public ValueSink {
 public:
  char* Reserve(const EntryInfo& entry_info, size_t value_bytes) override {
    ++calls;
    info = entry_info;
    value.emplace().resize(value_bytes);
    return value->data();
  }

  std::optional<std::string> value;
  EntryInfo info;
  int calls = 0;
};

class ScanCollector final : public ScanSink {
 public:
  char* Add(std::string_view key, const EntryInfo& info, size_t value_bytes) override {
    keys.emplace_back(key);
    infos.push_back(info);
    values.emplace_back().resize(value_bytes);
    return values.back().data();
  }

  std::vector<std::string> keys;
  std::vector<EntryInfo> infos;
  std::vector<std::string> values;
};

// Storage does not know how keys map to slots; any stable function will do for a test.
inline KeyRef Ref(std::string_view key) {
  return {static_cast<uint32_t>(TestHash(key) >> 7) % kSlots, key};
}

// A keyspace under a clock that only the test moves.
class KeyspaceTest : public testing::Test {
 protected:
  void Make(KeyspaceOptions options) {
    auto made = Keyspace::Create(options, &clock_);
    ASSERT_TRUE(made.ok()) << made.status();
    keyspace_ = std::move(*made);
  }

  void SetUp() override { Make({}); }

  void Advance(int64_t milliseconds) { now_ += Millis(milliseconds); }

  absl::StatusOr<SetResult> Set(std::string_view key, std::string_view value,
                                const SetOptions& options = {}) {
    return keyspace_->Set(Ref(key), value, options, now_);
  }

  // Sets without a condition and returns the version.
  uint64_t Put(std::string_view key, std::string_view value, int64_t ttl_ms = 0) {
    SetOptions options;
    if (ttl_ms > 0) options.expires_at = now_ + Millis(ttl_ms);
    const auto result = Set(key, value, options);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->version : 0;
  }

  std::optional<std::string> Get(std::string_view key) {
    StringSink sink;
    const GetOutcome outcome = keyspace_->Get(Ref(key), now_, sink);
    EXPECT_EQ(outcome == GetOutcome::kHit, sink.calls == 1);
    return sink.value;
  }

  LeaseResult Lease(std::string_view key, int64_t hold_ms = 1000, double beta = 0) {
    lease_sink_ = StringSink();
    const auto result = keyspace_->Lease(Ref(key), {Millis(hold_ms), beta}, now_, lease_sink_);
    EXPECT_TRUE(result.ok()) << result.status();
    return *result;
  }

  SetResult::Outcome SetWithToken(std::string_view key, std::string_view value, LeaseToken token,
                                  int64_t ttl_ms = 0) {
    SetOptions options;
    options.condition = {.kind = Condition::Kind::kLeaseToken, .token = token};
    if (ttl_ms > 0) options.expires_at = now_ + Millis(ttl_ms);
    return Set(key, value, options)->outcome;
  }

  bool Delete(std::string_view key, std::optional<int64_t> stale_ms = std::nullopt) {
    DeleteOptions options;
    if (stale_ms.has_value()) options.stale_until = now_ + Millis(*stale_ms);
    return keyspace_->Delete(Ref(key), options, now_).value().deleted;
  }

  TimePoint now_{Millis(1'700'000'000'000)};
  HybridClock clock_{3};
  std::unique_ptr<Keyspace> keyspace_;
  StringSink lease_sink_;
};

}  // namespace larder::storage

#endif  // LARDER_TESTS_STORAGE_KEYSPACE_FIXTURE_H_
