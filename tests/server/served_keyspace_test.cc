#include "server/handlers/served_keyspace.h"

#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cluster/hash_slot.h"
#include "tests/server/handler_fixture.h"

namespace larder::server {
namespace {

using testing::HasSubstr;

class ServedKeyspaceTest : public HandlerTest {
 protected:
  std::unique_ptr<storage::Keyspace> NewKeyspace() {
    return storage::Keyspace::Create({}, &versions_).value();
  }
};

TEST_F(ServedKeyspaceTest, AnotherTakesItsPlaceAsAWhole) {
  Set("a", "old");
  EXPECT_TRUE(Get("a").answer.found);
  auto next = NewKeyspace();
  ASSERT_TRUE(next->Set({cluster::HashSlot("b"), "b"}, "new", {}, time_.Now()).ok());
  const auto old = keyspace_.Replace(std::move(next));
  EXPECT_FALSE(Get("a").answer.found);
  EXPECT_TRUE(Get("b").answer.found);
  EXPECT_EQ(old->Stats().entries, 1u);
  // What was counted goes on.
  EXPECT_EQ(keyspace_.Stats().hits, 2u);
  EXPECT_EQ(keyspace_.Stats().misses, 1u);
  EXPECT_EQ(keyspace_.Stats().entries, 1u);
}

TEST_F(ServedKeyspaceTest, WithoutOneAllIsUnavailable) {
  Set("a", "old");
  const auto old = keyspace_.Replace(nullptr);
  for (const absl::Status& status :
       {Get("a").status, Set("a", "v").status, Delete({.key = "a"}).status,
        Lease({.key = "a"}).status, Touch({.key = "a"}).status, Increment({.key = "a"}).status,
        Append({.key = "a"}).status, Scan({}).status}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(status.message()), HasSubstr("has no data yet"));
  }
  EXPECT_EQ(keyspace_.Stats().entries, 0u);
  EXPECT_EQ(keyspace_.Memory().total(), 0u);
  EXPECT_EQ(keyspace_.memory_limit_bytes(), old->memory_limit_bytes());
  cache_.Prefetch({"a"});
  EXPECT_EQ(old->Stats().entries, 1u);
  // What is wrong with a request is said all the same.
  EXPECT_EQ(Get("").status.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ServedKeyspaceTest, TheMemoryLimitIsKept) {
  constexpr uint64_t kLimit = uint64_t{2} << 30;
  EXPECT_EQ(keyspace_.SetMemoryLimit(1).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(keyspace_.SetMemoryLimit(kLimit).ok());
  EXPECT_EQ(keyspace_.get()->memory_limit_bytes(), kLimit);
  const auto old = keyspace_.Replace(nullptr);
  EXPECT_EQ(keyspace_.memory_limit_bytes(), kLimit);
  keyspace_.Replace(NewKeyspace());
  EXPECT_EQ(keyspace_.get()->memory_limit_bytes(), kLimit) << "that it was not made with";
}

TEST_F(ServedKeyspaceTest, IsReplacedWhileItIsRead) {
  std::atomic<bool> is_over = false;
  std::thread reader([&] {
    while (!is_over) Get("a");
  });
  std::vector<std::unique_ptr<storage::Keyspace>> old;
  for (int i = 0; i < 20; ++i) {
    old.push_back(keyspace_.Replace(i % 3 == 2 ? nullptr : NewKeyspace()));
    std::this_thread::yield();
  }
  is_over = true;
  reader.join();
}

}  // namespace
}  // namespace larder::server
