#ifndef LARDER_TESTS_SERVER_HANDLER_FIXTURE_H_
#define LARDER_TESTS_SERVER_HANDLER_FIXTURE_H_

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string_view>

#include "server/handlers/cache_handler.h"
#include "server/handlers/multi_key_handler.h"
#include "storage/hybrid_clock.h"
#include "storage/keyspace.h"
#include "tests/server/recording_reply.h"

namespace larder::server {

// A clock that stands still until a test moves it.
class FakeTime final : public TimeSource {
 public:
  storage::TimePoint Now() const override {
    return storage::TimePoint(storage::Millis(millis_.load(std::memory_order_relaxed)));
  }
  void Advance(storage::Millis by) { millis_.fetch_add(by.count(), std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> millis_{1700000000000};
};

// Handlers over a real keyspace.
class HandlerTest : public testing::Test {
 protected:
  explicit HandlerTest(const Limits& limits = {}, storage::KeyspaceOptions options = {})
      : versions_(3),
        keyspace_(storage::Keyspace::Create(options, &versions_).value()),
        cache_(&keyspace_, &time_, limits, LeaseTokenCodec(3, 77)),
        multi_key_(&cache_) {}

  RecordingGet Get(const GetView& view) {
    RecordingGet reply;
    cache_.Get(view, reply);
    EXPECT_EQ(reply.completions, 1);
    return reply;
  }
  RecordingGet Get(std::string_view key) { return Get(GetView{.key = key}); }

  RecordingSet Set(const SetView& view) {
    RecordingSet reply;
    cache_.Set(view, reply);
    EXPECT_EQ(reply.completions, 1);
    return reply;
  }
  RecordingSet Set(std::string_view key, std::string_view value) {
    return Set(SetView{.key = key, .value = value});
  }

  RecordingDelete Delete(const DeleteView& view) {
    RecordingDelete reply;
    cache_.Delete(view, reply);
    EXPECT_EQ(reply.completions, 1);
    return reply;
  }

  RecordingLease Lease(const LeaseView& view) {
    RecordingLease reply;
    cache_.Lease(view, reply);
    EXPECT_EQ(reply.completions, 1);
    return reply;
  }

  RecordingReply<TouchAnswer> Touch(const TouchView& view) {
    RecordingReply<TouchAnswer> reply;
    cache_.Touch(view, reply);
    EXPECT_EQ(reply.completions, 1);
    return reply;
  }

  RecordingReply<IncrementAnswer> Increment(const IncrementView& view) {
    RecordingReply<IncrementAnswer> reply;
    cache_.Increment(view, reply);
    EXPECT_EQ(reply.completions, 1);
    return reply;
  }

  RecordingReply<AppendAnswer> Append(const AppendView& view) {
    RecordingReply<AppendAnswer> reply;
    cache_.Append(view, reply);
    EXPECT_EQ(reply.completions, 1);
    return reply;
  }

  RecordingScanReply Scan(const ScanView& view) {
    RecordingScanReply reply;
    cache_.Scan(view, reply);
    EXPECT_EQ(reply.completions, 1);
    return reply;
  }

  FakeTime time_;
  storage::HybridClock versions_;
  ServedKeyspace keyspace_;
  CacheHandler cache_;
  MultiKeyHandler multi_key_;
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_HANDLER_FIXTURE_H_
