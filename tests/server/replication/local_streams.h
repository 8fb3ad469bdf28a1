#ifndef LARDER_TESTS_SERVER_REPLICATION_LOCAL_STREAMS_H_
#define LARDER_TESTS_SERVER_REPLICATION_LOCAL_STREAMS_H_

#include <cstddef>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "server/bus/peer_stream.h"
#include "server/replication/replicator.h"

namespace larder::server {

// One direction of a stream inside this process: one message at a time, when it was asked for.
template <typename Message>
class LocalDirection {
 public:
  std::optional<Message> waiting;
  bool is_asked = false;
};

// A stream between two replicators of this process. Events come on the thread of whoever causes
// them, under the lock: they only post.
class LocalStream : public std::enable_shared_from_this<LocalStream> {
 public:
  // The replica takes payloads of so many bytes.
  LocalStream(std::shared_ptr<ReplicaStreamListener> replica, size_t payload_bytes_max)
      : payload_bytes_max_(payload_bytes_max), replica_(std::move(replica)) {
    down_.is_asked = true;  // the first is read without asking
  }

  // Lets the source have it, if there is one.
  void Open(Replicator* source);
  bool SendDown(cluster::SourceMessage* message) {
    const std::lock_guard lock(mutex_);
    if (is_closed_ || down_.waiting.has_value()) return false;
    if (PayloadBytes(*message) > payload_bytes_max_) {
      // As a bus does that cannot read it.
      CloseNow(absl::InvalidArgumentError("the payload is too long"));
      return true;
    }
    down_.waiting = std::move(*message);
    Deliver(down_, *source_, *replica_);
    return true;
  }
  bool SendUp(cluster::ReplicaMessage* message) {
    const std::lock_guard lock(mutex_);
    if (is_closed_ || up_.waiting.has_value()) return false;
    up_.waiting = std::move(*message);
    Deliver(up_, *replica_, *source_);
    return true;
  }
  void ReadDown() {
    const std::lock_guard lock(mutex_);
    down_.is_asked = true;
    Deliver(down_, *source_, *replica_);
  }
  void ReadUp() {
    const std::lock_guard lock(mutex_);
    up_.is_asked = true;
    Deliver(up_, *replica_, *source_);
  }
  // Nothing arrives meanwhile.
  void SetHeld(bool is_held) {
    const std::lock_guard lock(mutex_);
    is_held_ = is_held;
    if (source_ == nullptr) return;
    Deliver(down_, *source_, *replica_);
    Deliver(up_, *replica_, *source_);
  }
  void Close(const absl::Status& why) {
    const std::lock_guard lock(mutex_);
    CloseNow(why);
  }

 private:
  static size_t PayloadBytes(const cluster::SourceMessage& message) {
    if (const auto* batch = std::get_if<cluster::LogBatch>(&message)) return batch->payload.size();
    if (const auto* chunk = std::get_if<cluster::CopyChunk>(&message)) return chunk->payload.size();
    return 0;
  }
  void CloseNow(const absl::Status& why) {
    if (std::exchange(is_closed_, true)) return;
    if (source_ != nullptr) source_->OnClosed(why);
    replica_->OnClosed(why);
  }
  template <typename Message, typename Sender, typename Receiver>
  void Deliver(LocalDirection<Message>& direction, Sender& sender, Receiver& receiver) {
    if (is_closed_ || is_held_ || !direction.is_asked || !direction.waiting.has_value()) return;
    Message message = *std::move(direction.waiting);
    direction = {};
    sender.OnCanSend();
    receiver.OnMessage(std::move(message));
  }

  const size_t payload_bytes_max_;
  std::mutex mutex_;
  std::shared_ptr<SourceStreamListener> source_;  // once it is open
  const std::shared_ptr<ReplicaStreamListener> replica_;
  LocalDirection<cluster::SourceMessage> down_;
  LocalDirection<cluster::ReplicaMessage> up_;
  bool is_closed_ = false;
  bool is_held_ = false;
};

class LocalSourceEnd final : public SourceStream {
 public:
  explicit LocalSourceEnd(std::shared_ptr<LocalStream> stream) : stream_(std::move(stream)) {}
  bool Send(cluster::SourceMessage* message) override { return stream_->SendDown(message); }
  void ReadNext() override { stream_->ReadUp(); }
  void Close(absl::Status why) override { stream_->Close(why); }
  std::string peer() const override { return "replica"; }

 private:
  const std::shared_ptr<LocalStream> stream_;
};

class LocalReplicaEnd final : public ReplicaStream {
 public:
  explicit LocalReplicaEnd(std::shared_ptr<LocalStream> stream) : stream_(std::move(stream)) {}
  bool Send(cluster::ReplicaMessage* message) override { return stream_->SendUp(message); }
  void ReadNext() override { stream_->ReadDown(); }
  void Close(absl::Status why) override { stream_->Close(why); }
  std::string peer() const override { return "source"; }

 private:
  const std::shared_ptr<LocalStream> stream_;
};

inline void LocalStream::Open(Replicator* source) {
  const std::lock_guard lock(mutex_);
  source_ = source->Accept(std::make_shared<LocalSourceEnd>(shared_from_this()));
  up_.is_asked = true;  // Hello is read without asking
  source_->OnCanSend();
  replica_->OnCanSend();
}

// The replicators of this process, by name, and the streams between them.
class LocalNetwork {
 public:
  void Add(const std::string& name, Replicator* replicator) {
    const std::lock_guard lock(mutex_);
    nodes_[name] = replicator;
  }
  void Remove(const std::string& name) {
    const std::lock_guard lock(mutex_);
    nodes_.erase(name);
  }
  StreamOpener Opener() {
    return [this](const std::string& endpoint, std::shared_ptr<ReplicaStreamListener> listener)
               -> absl::StatusOr<std::shared_ptr<ReplicaStream>> {
      const std::lock_guard lock(mutex_);
      const auto found = nodes_.find(endpoint);
      if (found == nodes_.end() || is_down_) {
        return absl::UnavailableError("nobody listens there");
      }
      auto stream = std::make_shared<LocalStream>(std::move(listener), payload_bytes_max_);
      streams_.push_back(stream);
      stream->Open(found->second);
      return std::make_shared<LocalReplicaEnd>(stream);
    };
  }
  // Cuts all streams; while it is down none is opened.
  void CutAll() {
    std::vector<std::weak_ptr<LocalStream>> streams;
    {
      const std::lock_guard lock(mutex_);
      streams.swap(streams_);
    }
    for (const auto& weak : streams) {
      if (const auto stream = weak.lock(); stream != nullptr) {
        stream->Close(absl::UnavailableError("cut"));
      }
    }
  }
  // Of the streams that are opened from now on.
  void SetPayloadMax(size_t bytes) {
    const std::lock_guard lock(mutex_);
    payload_bytes_max_ = bytes;
  }
  // Of the streams that there are.
  void SetHeld(bool is_held) {
    const std::lock_guard lock(mutex_);
    for (const auto& weak : streams_) {
      if (const auto stream = weak.lock(); stream != nullptr) stream->SetHeld(is_held);
    }
  }
  void SetDown(bool is_down) {
    {
      const std::lock_guard lock(mutex_);
      is_down_ = is_down;
    }
    if (is_down) CutAll();
  }

 private:
  std::mutex mutex_;
  bool is_down_ = false;
  size_t payload_bytes_max_ = std::numeric_limits<size_t>::max();
  std::map<std::string, Replicator*> nodes_;
  std::vector<std::weak_ptr<LocalStream>> streams_;
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_REPLICATION_LOCAL_STREAMS_H_
