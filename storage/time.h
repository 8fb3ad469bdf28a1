#ifndef LARDER_STORAGE_TIME_H_
#define LARDER_STORAGE_TIME_H_

#include <chrono>

namespace larder::storage {

// Shard time: milliseconds since the Unix epoch by the clock of the shard's primary. storage/ never
// reads a clock; every call that depends on time takes `now`.
using Millis = std::chrono::milliseconds;
using TimePoint = std::chrono::sys_time<Millis>;

// The expiry of an entry that does not expire.
inline constexpr TimePoint kNever = TimePoint::max();

}  // namespace larder::storage

#endif  // LARDER_STORAGE_TIME_H_
