#include "client/cli/progress_line.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace larder::cli {
namespace {

double HitRatio(const load::Progress& progress) {
  const uint64_t reads = progress.hits + progress.misses;
  return reads == 0 ? 0 : static_cast<double>(progress.hits) / static_cast<double>(reads);
}

}  // namespace

ProgressLine::~ProgressLine() {
  if (!bar_shown_) return;
  err_.Write("\r\x1b[K");
  err_.Flush();
}

std::function<void(const load::Progress&)> ProgressLine::Callback() {
  if (err_.is_terminal()) {
    return [this](const load::Progress& progress) { ShowBar(progress); };
  }
  if (!plain_interval_) return nullptr;
  return [this](const load::Progress& progress) { ShowPlain(progress); };
}

void ProgressLine::ShowBar(const load::Progress& progress) {
  bar_shown_ = true;
  constexpr int kWidth = 24;
  std::string bar;
  if (progress.share) {
    const int full = static_cast<int>(*progress.share * kWidth);
    bar = absl::StrFormat("[%s%s] %3.0f%%  ", std::string(full, '#'),
                          std::string(kWidth - full, '.'), *progress.share * 100);
  }
  err_.Write(absl::StrCat("\r", bar, Figures(progress), "\x1b[K"));
  err_.Flush();
}

void ProgressLine::ShowPlain(const load::Progress& progress) {
  if (progress.elapsed - last_.elapsed < *plain_interval_) return;
  err_.Write(absl::StrFormat("%.0fs  ", absl::ToDoubleSeconds(progress.elapsed)));
  if (progress.share) err_.Write(absl::StrFormat("%.0f%%  ", *progress.share * 100));
  err_.Write(absl::StrCat(Figures(progress), "\n"));
  err_.Flush();
}

std::string ProgressLine::Figures(const load::Progress& progress) {
  return absl::StrFormat("%d operations  %.0f/s  hit ratio %.3f  errors %d", progress.operations,
                         RateSinceLast(progress), HitRatio(progress), progress.errors);
}

double ProgressLine::RateSinceLast(const load::Progress& progress) {
  const absl::Duration interval = progress.elapsed - last_.elapsed;
  const uint64_t operations = progress.operations - last_.operations;
  last_ = progress;
  if (interval <= absl::ZeroDuration()) return 0;
  return static_cast<double>(operations) / absl::ToDoubleSeconds(interval);
}

}  // namespace larder::cli
