#ifndef LARDER_SERVER_GRPCPP_STREAM_REGISTRY_H_
#define LARDER_SERVER_GRPCPP_STREAM_REGISTRY_H_

#include <unordered_set>

#include "absl/base/thread_annotations.h"
#include "storage/mutex.h"

namespace larder::server {

// A stream that would last until its client ends it, and can be asked to end sooner.
class DrainableStream {
 public:
  // Answer what was read, read no more, end with UNAVAILABLE. Must not call the registry.
  virtual void BeginDrain() = 0;

 protected:
  ~DrainableStream() = default;
};

// The open streams of a front end, to be drained at shutdown. Thread-safe.
class StreamRegistry {
 public:
  // A stream that comes after Drain is drained at once.
  void Add(DrainableStream* stream) {
    storage::MutexLock lock(mutex_);
    streams_.insert(stream);
    if (draining_) stream->BeginDrain();
  }

  void Remove(DrainableStream* stream) {
    storage::MutexLock lock(mutex_);
    streams_.erase(stream);
  }

  void Drain() {
    storage::MutexLock lock(mutex_);
    draining_ = true;
    for (DrainableStream* stream : streams_) stream->BeginDrain();
  }

 private:
  storage::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::unordered_set<DrainableStream*> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace larder::server

#endif  // LARDER_SERVER_GRPCPP_STREAM_REGISTRY_H_
