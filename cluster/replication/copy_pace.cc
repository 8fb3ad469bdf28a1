#include "cluster/replication/copy_pace.h"

#include <algorithm>

namespace larder::cluster {

bool CopyPace::IsDue(BootTime now) {
  if (rate_ == 0) return true;
  const double most = BytesPerMilli() * static_cast<double>(kMadeUp.count());
  if (!reckoned_at_.has_value()) due_bytes_ = most;
  const auto since = static_cast<double>((now - reckoned_at_.value_or(now)).count());
  reckoned_at_ = now;
  due_bytes_ = std::min(due_bytes_ + since * BytesPerMilli(), most);
  return due_bytes_ > 0;
}

void CopyPace::Take(uint64_t bytes) {
  if (rate_ != 0) due_bytes_ -= static_cast<double>(bytes);
}

Millis CopyPace::DueIn() const {
  if (rate_ == 0 || due_bytes_ > 0) return Millis(0);
  return Millis(1 + static_cast<int64_t>(-due_bytes_ / BytesPerMilli()));
}

}  // namespace larder::cluster
