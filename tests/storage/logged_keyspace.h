#ifndef LARDER_TESTS_STORAGE_LOGGED_KEYSPACE_H_
#define LARDER_TESTS_STORAGE_LOGGED_KEYSPACE_H_

#include <atomic>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/storage/keyspace_fixture.h"
#include "tests/storage/vector_log.h"

namespace larder::storage {

class SwitchedAuthority final : public WriteAuthority {
 public:
  bool Holds() const override {
    if (asked_until_lost > 0 && --asked_until_lost == 0) holds = false;
    return holds;
  }
  mutable std::atomic<bool> holds{true};
  mutable std::atomic<int> asked_until_lost{0};
};

// A keyspace with a log, and an authority that a test can take away.
class KeyspaceCommitTest : public KeyspaceTest {
 protected:
  void SetUp() override { MakeWithLog({}); }
  void TearDown() override { keyspace_.reset(); }

  void MakeWithLog(KeyspaceOptions options) {
    keyspace_.reset();
    log_ = std::make_unique<VectorLog>();
    options.authority = &authority_;
    Make(options);
    keyspace_->AttachLog(log_.get());
  }

  const LoggedMutation& Last() const { return log_->records().back(); }
  size_t Logged() const { return log_->records().size(); }
  Contents Replayed() const {
    Contents contents;
    for (const LoggedMutation& record : log_->records()) ReplayInto(contents, record);
    return contents;
  }

  // Every kind of mutation once, each with the status it returned.
  std::vector<std::pair<const char*, absl::Status>> TryAll(std::string_view key) {
    SetOptions if_absent;
    if_absent.condition.kind = Condition::Kind::kIfAbsent;
    return {
        {"Set", Set(key, "new").status()},
        {"Set if absent", Set(key, "new", if_absent).status()},
        {"Delete", keyspace_->Delete(Ref(key), {}, now_).status()},
        {"stale Delete",
         keyspace_->Delete(Ref(key), {.stale_until = now_ + Millis(9)}, now_).status()},
        {"Touch", keyspace_->Touch(Ref(key), now_ + Millis(5), now_).status()},
        {"Increment", keyspace_->Increment(Ref(key), {.delta = 1, .initial = 1}, now_).status()},
        {"Append", keyspace_->Append(Ref(key), "x", {}, now_).status()},
        {"FlushSlot", keyspace_->FlushSlot(Ref(key).slot, now_).status()}};
  }

  // But for ghosts, and for what a log knows of the segments that it has had.
  void ExpectAllCameBack(uint64_t empty_bytes) {
    const MemoryUsage usage = keyspace_->Memory();
    EXPECT_EQ(usage.entries, 0u);
    EXPECT_EQ(usage.tables, 0u);
    EXPECT_EQ(usage.leases, 0u);
    EXPECT_LE(usage.total() - usage.policy, empty_bytes + 8192);
  }

  SwitchedAuthority authority_;
  std::unique_ptr<VectorLog> log_;
};

}  // namespace larder::storage

#endif  // LARDER_TESTS_STORAGE_LOGGED_KEYSPACE_H_
