#include "client/cli/progress_line.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <optional>
#include <string>

namespace larder::cli {
namespace {

std::string Shown(std::optional<absl::Duration> plain_interval, bool knows_end = true) {
  std::FILE* const file = std::tmpfile();
  {
    Output err(file);
    ProgressLine line(err, plain_interval);
    if (const auto callback = line.Callback()) {
      for (int half_seconds = 0; half_seconds <= 45; ++half_seconds) {
        load::Progress progress;
        progress.elapsed = absl::Milliseconds(500) * half_seconds;
        progress.operations = 50 * half_seconds;
        progress.hits = 3 * half_seconds;
        progress.misses = half_seconds;
        if (knows_end) progress.share = half_seconds / 60.0;
        callback(progress);
      }
    }
  }
  std::string text(4096, '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

TEST(ProgressLineTest, AFileGetsALineEachInterval) {
  EXPECT_EQ(Shown(absl::Seconds(10)),
            "10s  33%  1000 operations  100/s  hit ratio 0.750  errors 0\n"
            "20s  67%  2000 operations  100/s  hit ratio 0.750  errors 0\n");
}

TEST(ProgressLineTest, NoShareIsShownOfWhatHasNoKnownEnd) {
  EXPECT_EQ(Shown(absl::Seconds(20), false),
            "20s  2000 operations  100/s  hit ratio 0.750  errors 0\n");
}

TEST(ProgressLineTest, AFileGetsNothingWithoutAnInterval) { EXPECT_EQ(Shown(std::nullopt), ""); }

}  // namespace
}  // namespace larder::cli
