#include "server/node/random_words.h"

#include <gtest/gtest.h>

#include <set>

namespace larder::server {
namespace {

TEST(RandomWordsTest, AllOfThemAreDrawnAndNoneTwice) {
  std::set<uint64_t> drawn;
  for (int i = 0; i < 4; ++i) {
    const auto words = RandomWords<32>();
    ASSERT_TRUE(words.ok()) << words.status();
    drawn.insert(words->begin(), words->end());
  }
  EXPECT_EQ(drawn.size(), 4u * 32);
}

}  // namespace
}  // namespace larder::server
