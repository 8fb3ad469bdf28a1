#include "server/http/paced_page.h"

#include <algorithm>

#include "server/http/gzip_text.h"

namespace larder::server {

const std::string& PacedPage::Text() {
  const LoopTime now = now_();
  // The generic cell rate algorithm (ITU-T I.371): a second's worth may be made at once.
  const LoopTime paid_until = std::max(paid_until_, now) + kPause;
  if (!text_.empty() && paid_until > now + std::chrono::seconds(1)) return text_;
  paid_until_ = paid_until;
  text_ = make_();
  gzip_.reset();
  return text_;
}

const std::optional<std::string>& PacedPage::Gzip() {
  const std::string& text = Text();
  if (!gzip_.has_value()) gzip_ = GzipText(text);
  return gzip_;
}

}  // namespace larder::server
