#ifndef LARDER_SERVER_BUS_STREAM_CORE_H_
#define LARDER_SERVER_BUS_STREAM_CORE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/bus/bus_counters.h"
#include "server/bus/peer_stream.h"
#include "storage/mutex.h"

namespace larder::server {

// What both ends of a stream have in common: when a read, a write and the end may be begun, so that
// at most one of each is under way and nothing is begun after the end. Knows no gRPC. A derived
// class carries out what is asked of it, and tells what came of it: read, write and cancellation
// may be told at the same time, the end after all of them.
template <typename In, typename Out>
class StreamCore : public PeerStream<In, Out> {
 public:
  using Listener = StreamListener<In>;

  bool Send(Out* message) final {
    {
      storage::MutexLock lock(mutex_);
      if (!can_send_ || end_.has_value()) return false;
      can_send_ = false;
      is_encoding_ = true;
    }
    Encode(std::move(*message));
    storage::MutexLock lock(mutex_);
    is_encoding_ = false;
    if (!is_broken_) {
      is_writing_ = true;
      BeginWrite();
    }
    Advance();
    return true;
  }

  void ReadNext() final {
    storage::MutexLock lock(mutex_);
    wants_read_ = true;
    Advance();
  }

  void Close(absl::Status status) final { CloseBecause(StreamEnd::kClosedHere, std::move(status)); }

  void CloseBecause(StreamEnd why, absl::Status status) {
    storage::MutexLock lock(mutex_);
    EndWith(why, std::move(status));
  }

  // It did not begin in time.
  void NotOpenedInTime(absl::Status status) {
    storage::MutexLock lock(mutex_);
    if (!is_open_) EndWith(StreamEnd::kNotOpened, std::move(status));
  }
  // The time that a closed stream had is over.
  void GraceIsOver() {
    storage::MutexLock lock(mutex_);
    if (!is_done_) Cancel();
  }

 protected:
  // `listener`: empty if the first message decides who it is.
  explicit StreamCore(std::shared_ptr<Listener> listener) : listener_(std::move(listener)) {}

  // ---- Carried out by the derived class. Called under the lock, but for Encode and Accept; what
  // comes of it is told later, never from within.
  // Once, before a read or write; left out where the stream is closed before.
  virtual void BeginOpen() = 0;
  virtual void BeginRead() = 0;
  virtual void BeginWrite() = 0;
  // Encodes what BeginWrite will send.
  virtual void Encode(Out message) = 0;
  // Once: nothing is begun after it.
  virtual void BeginEnd(StreamEnd why, const absl::Status& status) = 0;
  // GraceIsOver is to be called after a while.
  virtual void BeginGrace() = 0;
  // Whatever is under way, the end included, is to fail now.
  virtual void Cancel() = 0;
  // Who hears a stream that begins with this message.
  virtual absl::StatusOr<std::shared_ptr<Listener>> Accept(const In& first) = 0;

  // ---- Told by the derived class.
  // The first message can be read. REQUIRES: before anything else is told.
  void Start() {
    storage::MutexLock lock(mutex_);
    if (!has_begun_end_) BeginOpen();
    wants_read_ = true;
    Advance();
  }
  // The stream can be used. Called at the replica, whose listener is known.
  void Opened() {
    const std::shared_ptr<Listener> listener = Open(nullptr);
    if (listener != nullptr) listener->OnCanSend();
  }

  // Absent: there is none, and will be none.
  void ReadDone(std::optional<absl::StatusOr<In>> message) {
    std::shared_ptr<Listener> listener;
    {
      storage::MutexLock lock(mutex_);
      is_reading_ = false;
      if (!message.has_value()) {
        BreakOff();
      } else if (!message->ok()) {
        EndWith(StreamEnd::kBadMessage, message->status());
      }
      if (end_.has_value()) return;
      is_delivering_ = true;
      listener = listener_;
    }
    const bool is_first = listener == nullptr;
    if (is_first) {
      absl::StatusOr<std::shared_ptr<Listener>> accepted = Accept(**message);
      if (!accepted.ok()) return CloseBecause(StreamEnd::kBadMessage, accepted.status());
      listener = Open(*std::move(accepted));
    }
    listener->OnMessage(**std::move(message));
    if (is_first) listener->OnCanSend();
    storage::MutexLock lock(mutex_);
    is_delivering_ = false;
    Advance();
  }

  void WriteDone(bool ok) {
    std::shared_ptr<Listener> listener;
    {
      storage::MutexLock lock(mutex_);
      is_writing_ = false;
      if (!ok) BreakOff();
      if (!end_.has_value()) {
        can_send_ = true;
        listener = listener_;
      }
      Advance();
    }
    if (listener != nullptr) listener->OnCanSend();
  }

  // The other side is gone.
  void Broken() {
    storage::MutexLock lock(mutex_);
    BreakOff();
  }

  // All is over. `by_peer`: what the other side, or the network, has to say, which counts unless
  // this side has ended the stream. Returns why it has ended.
  StreamEnd Done(const absl::Status& by_peer) {
    std::shared_ptr<Listener> listener;
    End end;
    {
      storage::MutexLock lock(mutex_);
      is_done_ = true;
      can_send_ = false;
      BreakOff();
      listener = std::move(listener_);
      end = *end_;
      if (end.why == StreamEnd::kByPeer) {
        end.status = by_peer;
        if (!is_open_) end.why = StreamEnd::kNotOpened;
      }
    }
    if (listener != nullptr) listener->OnClosed(end.status);
    return end.why;
  }

 private:
  struct End {
    StreamEnd why = StreamEnd::kByPeer;
    absl::Status status;
  };

  // Absent: it has ended before, and the listener will hear of that.
  std::shared_ptr<Listener> Open(std::shared_ptr<Listener> listener) {
    storage::MutexLock lock(mutex_);
    if (listener != nullptr) listener_ = std::move(listener);
    is_open_ = true;
    can_send_ = true;
    return listener_;
  }

  void EndWith(StreamEnd why, absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!end_.has_value()) {
      end_ = End{why, std::move(status)};
      if (!is_done_) BeginGrace();
    }
    Advance();
  }

  void BreakOff() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    is_broken_ = true;
    EndWith(StreamEnd::kByPeer, absl::CancelledError("the other side has ended the stream"));
  }

  // Begins what may be begun now.
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (has_begun_end_ || is_done_) return;
    if (!end_.has_value()) {
      // The next message does not come before the listener has done with this one.
      if (!wants_read_ || is_reading_ || is_delivering_) return;
      wants_read_ = false;
      is_reading_ = true;
      BeginRead();
      return;
    }
    // What is under way goes first; where the stream is broken that fails by itself.
    if (is_encoding_ || is_writing_) return;
    has_begun_end_ = true;
    BeginEnd(end_->why, end_->status);
  }

  storage::Mutex mutex_;
  std::shared_ptr<Listener> listener_ ABSL_GUARDED_BY(mutex_);
  std::optional<End> end_ ABSL_GUARDED_BY(mutex_);
  bool is_open_ ABSL_GUARDED_BY(mutex_) = false;
  bool can_send_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_encoding_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool wants_read_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_delivering_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_begun_end_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_done_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_BUS_STREAM_CORE_H_
