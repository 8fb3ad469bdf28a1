#ifndef LARDER_SERVER_HANDLERS_TIME_SOURCE_H_
#define LARDER_SERVER_HANDLERS_TIME_SOURCE_H_

#include "storage/time.h"

namespace larder::server {

// Where handlers learn the shard time. Implementations are thread-safe and never step back.
class TimeSource {
 public:
  virtual ~TimeSource() = default;
  virtual storage::TimePoint Now() const = 0;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_TIME_SOURCE_H_
