#include "storage/content_digest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace larder::storage {
namespace {

ContentDigest DigestOf(const std::vector<Mutation>& entries) {
  ContentDigest digest;
  for (const Mutation& entry : entries) digest.Add(entry);
  return digest;
}

Mutation Entry(std::string_view key, std::string_view value) {
  return {.slot = 1, .key = key, .version = 7, .value = ValueView(value)};
}

TEST(ContentDigestTest, TellsEveryDifferenceAndNoOrder) {
  std::vector<Mutation> entries = {Entry("a", "1"), Entry("b", "2"), Entry("c", "")};
  const ContentDigest digest = DigestOf(entries);
  std::reverse(entries.begin(), entries.end());
  EXPECT_EQ(DigestOf(entries), digest);
  EXPECT_EQ(digest.entries(), 3u);

  std::set<std::string> seen = {digest.ToString()};
  const auto expect_other = [&](const char* what, auto&& change) {
    std::vector<Mutation> changed = entries;
    change(changed);
    EXPECT_TRUE(seen.insert(DigestOf(changed).ToString()).second) << what;
  };
  expect_other("key", [](auto& all) { all[0].key = "d"; });
  expect_other("value", [](auto& all) { all[0].value = ValueView("x"); });
  expect_other("version", [](auto& all) { all[0].version = 8; });
  expect_other("expiry", [](auto& all) { all[0].expires_at = TimePoint(Millis(5)); });
  expect_other("flags", [](auto& all) { all[0].flags = 1; });
  expect_other("stale", [](auto& all) { all[0].stale = true; });
  expect_other("one less", [](auto& all) { all.pop_back(); });
  expect_other("twice", [](auto& all) { all.push_back(all[0]); });
  expect_other("values changed", [](auto& all) { std::swap(all[0].value, all[1].value); });
  expect_other("border", [](auto& all) { all[0] = Entry("a1", ""); });
}

TEST(ContentDigestTest, OfPartsIsTheSum) {
  ContentDigest sum = DigestOf({Entry("a", "1"), Entry("b", "2")});
  sum.Add(DigestOf({Entry("c", "3"), Entry("d", "4")}));
  EXPECT_EQ(sum, DigestOf({Entry("d", "4"), Entry("b", "2"), Entry("c", "3"), Entry("a", "1")}));
}

TEST(ContentDigestTest, IsTheSameInEveryProcessAndRelease) {
  EXPECT_EQ(ContentDigest().ToString(), std::string(32, '0'));
  EXPECT_EQ(DigestOf({Entry("key", "value")}).ToString(), "17af88c2d72bc76f264578101595ff2e");
}

}  // namespace
}  // namespace larder::storage
