#ifndef LARDER_SERVER_BUS_OPEN_STREAMS_H_
#define LARDER_SERVER_BUS_OPEN_STREAMS_H_

#include <cstddef>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "client/channel/mutex.h"
#include "server/bus/bus_counters.h"

namespace larder::server {

// The streams of one end of the bus, up to a limit, to be closed and waited for. `Stream` has
// CloseBecause. Thread-safe. Outlives its streams by CloseAll.
template <typename Stream>
class OpenStreams {
 public:
  explicit OpenStreams(size_t streams_max) : streams_max_(streams_max) {}

  enum class Outcome { kAdded, kTooMany, kClosing };
  Outcome Add(const std::shared_ptr<Stream>& stream) {
    MutexLock lock(mutex_);
    if (is_closing_) return Outcome::kClosing;
    if (streams_.size() >= streams_max_) return Outcome::kTooMany;
    streams_.emplace(stream.get(), stream);
    return Outcome::kAdded;
  }

  // The last thing that a stream does here.
  void Remove(const Stream* stream) {
    MutexLock lock(mutex_);
    streams_.erase(stream);
    if (streams_.empty()) was_emptied_.SignalAll();
  }

  // Takes no more, and closes those that are here.
  void CloseAll(const absl::Status& status) {
    std::vector<std::shared_ptr<Stream>> streams;
    {
      MutexLock lock(mutex_);
      is_closing_ = true;
      for (const auto& [key, stream] : streams_) streams.push_back(stream.lock());
    }
    for (const auto& stream : streams) {
      if (stream != nullptr) stream->CloseBecause(StreamEnd::kShutdown, status);
    }
  }

  // REQUIRES: CloseAll was called; not on a thread of gRPC.
  void WaitUntilNoneIsLeft() {
    MutexLock lock(mutex_);
    while (!streams_.empty()) was_emptied_.Wait(mutex_);
  }

  size_t size() const {
    MutexLock lock(mutex_);
    return streams_.size();
  }

 private:
  const size_t streams_max_;
  mutable Mutex mutex_;
  CondVar was_emptied_;
  bool is_closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::unordered_map<const Stream*, std::weak_ptr<Stream>> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace larder::server

#endif  // LARDER_SERVER_BUS_OPEN_STREAMS_H_
