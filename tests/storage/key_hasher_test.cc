#include "storage/key_hasher.h"

#include <set>
#include <string>

#include "gtest/gtest.h"
#include "tests/storage/colliding_keys.h"
#include "tests/storage/test_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace larder::storage {
namespace {

constexpr std::string_view kFirstHalf = "{tag}___________";

TEST(KeyHasherTest, HashesTheSameInEveryRelease) {
  EXPECT_EQ(TestHash(""), 16448760674986620993u);
  EXPECT_EQ(TestHash("key"), 8671791084344919968u);
  EXPECT_EQ(TestHash("a key of 16 byte"), 14280794487289861181u);
  EXPECT_EQ(TestHash(std::string(100, 'k')), 16693543424538832335u);
  EXPECT_EQ(TestHash(std::string(1000, 'k')), 9568455904737274862u);
}

TEST(KeyHasherTest, EveryWordOfTheSecretCounts) {
  std::set<uint64_t> hashes{TestHash("a key of 16 byte")};
  std::set<uint64_t> derived{TestHasher().Derive(0), TestHasher().Derive(1)};
  for (int word = 0; word < 4; ++word) {
    HashSecret secret;
    secret.words[word] = 1;
    const KeyHasher hasher(secret);
    hashes.insert(hasher.Hash("a key of 16 byte"));
    derived.insert({hasher.Derive(0), hasher.Derive(1)});
  }
  EXPECT_EQ(hashes.size(), 5u);
  EXPECT_EQ(derived.size(), 10u);
}

TEST(KeyHasherTest, ExpandsToWordsThatDiffer) {
  const KeyHasher::Secret expanded = KeyHasher::Expand({});
  std::set<std::string> words;
  for (size_t at = 0; at < expanded.size(); at += 8) words.emplace(expanded.data() + at, 8);
  EXPECT_EQ(words.size(), expanded.size() / 8);
}

TEST(KeyHasherTest, KeysThatCollideForEverybodyDoNotCollideUnderASecret) {
  const CollidingKeys keys = CollidingKeys::Public(kFirstHalf);
  std::set<uint64_t> everybodys;
  std::set<uint64_t> ours;
  for (uint64_t i = 0; i < 20'000; ++i) {
    const std::string key = keys[i];
    everybodys.insert(XXH3_64bits(key.data(), key.size()));
    ours.insert(TestHash(key));
  }
  ASSERT_EQ(everybodys.size(), 1u) << "else this test tests nothing";
  EXPECT_EQ(ours.size(), 20'000u);
}

}  // namespace
}  // namespace larder::storage
