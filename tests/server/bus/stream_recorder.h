#ifndef LARDER_TESTS_SERVER_BUS_STREAM_RECORDER_H_
#define LARDER_TESTS_SERVER_BUS_STREAM_RECORDER_H_

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "client/channel/mutex.h"
#include "server/bus/bus_server.h"
#include "server/bus/peer_stream.h"

namespace larder::server {

// Writes down what a stream tells, for a test's thread to wait for.
template <typename In>
class StreamRecorder final : public StreamListener<In> {
 public:
  void OnMessage(In message) override {
    MutexLock lock(mutex_);
    is_out_of_order_ = is_out_of_order_ || end_.has_value();
    messages_.push_back(std::move(message));
    changed_.SignalAll();
  }
  void OnCanSend() override {
    MutexLock lock(mutex_);
    is_out_of_order_ = is_out_of_order_ || end_.has_value();
    can_send_ = true;
    changed_.SignalAll();
  }
  void OnClosed(const absl::Status& status) override {
    MutexLock lock(mutex_);
    is_out_of_order_ = is_out_of_order_ || end_.has_value();
    end_ = status;
    changed_.SignalAll();
  }

  // Absent: the stream has ended.
  std::optional<In> Next() {
    MutexLock lock(mutex_);
    while (messages_.empty() && !end_.has_value()) changed_.Wait(mutex_);
    if (messages_.empty()) return std::nullopt;
    In message = std::move(messages_.front());
    messages_.pop_front();
    return message;
  }
  // False: the stream has ended.
  bool WaitUntilItCanSend() {
    MutexLock lock(mutex_);
    while (!can_send_ && !end_.has_value()) changed_.Wait(mutex_);
    return !end_.has_value();
  }
  // Sends as soon as it can. False: the stream has ended.
  template <typename Stream, typename Out>
  bool Send(Stream* stream, Out message) {
    while (WaitUntilItCanSend()) {
      {
        MutexLock lock(mutex_);
        can_send_ = false;
      }
      if (stream->Send(&message)) return true;
    }
    return false;
  }
  absl::Status WaitUntilClosed() {
    MutexLock lock(mutex_);
    while (!end_.has_value()) changed_.Wait(mutex_);
    return *end_;
  }
  bool is_closed() const {
    MutexLock lock(mutex_);
    return end_.has_value();
  }
  // Something was told after the end.
  bool is_out_of_order() const {
    MutexLock lock(mutex_);
    return is_out_of_order_;
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<In> messages_ ABSL_GUARDED_BY(mutex_);
  bool can_send_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_out_of_order_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
};

using SourceRecorder = StreamRecorder<cluster::ReplicaMessage>;
using ReplicaRecorder = StreamRecorder<cluster::SourceMessage>;

// Takes every replica, and keeps what it has of the last one.
class RecordingAcceptor final : public ReplicaAcceptor {
 public:
  struct Link {
    std::shared_ptr<SourceStream> stream;
    std::shared_ptr<SourceRecorder> heard;
  };

  std::shared_ptr<SourceStreamListener> OnReplica(std::shared_ptr<SourceStream> stream,
                                                  const cluster::Hello&) override {
    MutexLock lock(mutex_);
    if (refuses_) return nullptr;
    links_.push_back({std::move(stream), std::make_shared<SourceRecorder>()});
    changed_.SignalAll();
    return links_.back().heard;
  }

  // The next one that has come.
  Link Next() {
    MutexLock lock(mutex_);
    while (links_.empty()) changed_.Wait(mutex_);
    Link link = std::move(links_.front());
    links_.pop_front();
    return link;
  }
  void set_refuses(bool refuses) {
    MutexLock lock(mutex_);
    refuses_ = refuses;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool refuses_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Link> links_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_BUS_STREAM_RECORDER_H_
