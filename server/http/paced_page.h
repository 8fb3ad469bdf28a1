#ifndef LARDER_SERVER_HTTP_PACED_PAGE_H_
#define LARDER_SERVER_HTTP_PACED_PAGE_H_

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "client/channel/loop_time.h"

namespace larder::server {

// The text of a page that takes long to make. It is made for every request, up to kMadePerSecond
// times a second after as many at once; who asks more often gets the one that was made last, so
// that requests without end cost no more than that. Not thread-safe.
class PacedPage {
 public:
  static constexpr int kMadePerSecond = 100;

  // `now`: a clock that never goes back.
  PacedPage(std::function<std::string()> make, std::function<LoopTime()> now)
      : make_(std::move(make)), now_(std::move(now)) {}

  const std::string& Text();
  // The same as gzip. Absent: there is no memory for it.
  const std::optional<std::string>& Gzip();

 private:
  static constexpr LoopTime::duration kPause = std::chrono::microseconds(1000000) / kMadePerSecond;

  const std::function<std::string()> make_;
  const std::function<LoopTime()> now_;
  std::string text_;
  std::optional<std::string> gzip_;  // of text_, if somebody has asked
  LoopTime paid_until_{};            // by what was made: kPause each
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HTTP_PACED_PAGE_H_
