#include "server/http/paced_page.h"

#include <gmock/gmock.h>

#include <string>

#include "server/http/gzip_text.h"

namespace larder::server {
namespace {

using std::chrono::milliseconds;

class PacedPageTest : public testing::Test {
 protected:
  int made_ = 0;
  LoopTime now_{std::chrono::seconds(1000)};
  PacedPage page_{[this] { return std::to_string(++made_); }, [this] { return now_; }};
};

TEST_F(PacedPageTest, IsMadeForEachRequest) {
  for (int i = 1; i <= PacedPage::kMadePerSecond; ++i) EXPECT_EQ(page_.Text(), std::to_string(i));
  now_ += std::chrono::hours(1);
  for (int i = 1; i <= 1000; ++i) {
    now_ += milliseconds(10);
    EXPECT_EQ(page_.Text(), std::to_string(PacedPage::kMadePerSecond + i));
  }
}

TEST_F(PacedPageTest, IsNotMadeMoreOftenHoweverManyAsk) {
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = page_.Text();
    EXPECT_EQ(text, std::to_string(made_));
    EXPECT_NE(page_.Gzip(), std::nullopt);
    if (i % 10 == 9) now_ += milliseconds(1);
  }
  // In two seconds, with what may be made at once.
  EXPECT_LE(made_, 3 * PacedPage::kMadePerSecond);
  EXPECT_GE(made_, 3 * PacedPage::kMadePerSecond - 2);
}

TEST_F(PacedPageTest, GzipIsOfTheSameText) {
  for (int i = 0; i < 300; ++i) {
    const auto gzip = page_.Gzip();
    EXPECT_EQ(gzip, GzipText(std::to_string(made_)));
  }
}

}  // namespace
}  // namespace larder::server
