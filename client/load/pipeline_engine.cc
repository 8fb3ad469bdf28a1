#include <grpcpp/grpcpp.h>

#include <deque>
#include <vector>

#include "client/channel.h"
#include "client/load/engine.h"
#include "client/proto_time.h"
#include "client/status.h"
#include "larder/v1/cache.grpc.pb.h"

namespace larder::load {
namespace {

constexpr Clock::duration kTimeoutCheckInterval = std::chrono::milliseconds(250);

class Stream;

struct Slot final : Operation {
  Stream* stream = nullptr;
  uint64_t id = 0;  // its index in the stream
  bool running = false;
  Clock::time_point started;
};

// One Pipeline stream: opened by the first operation, and again by the first one after it broke,
// when all that were in flight have failed. Send may be called from any thread, the rest from the
// engine's.
class Stream {
 public:
  struct Event {
    enum class Kind { kStarted, kRead, kWritten, kFinished };
    Stream* stream;
    Kind kind;
  };

  Stream(const EngineOptions& options, grpc::CompletionQueue* queue)
      : stub_(v1::Cache::NewStub(CreateChannel(
            {options.address, absl::Seconds(1), options.max_receive_bytes, options.tls}))),
        queue_(queue),
        ttl_(options.ttl),
        slots_(options.inflight) {
    for (size_t i = 0; i < slots_.size(); ++i) {
      slots_[i].stream = this;
      slots_[i].id = i;
    }
  }

  std::vector<Slot>& slots() { return slots_; }

  void Send(Slot& slot) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    slot.running = true;
    slot.started = Clock::now();
    to_write_.push_back(slot.id);
    if (state_ == State::kClosed) Open();
    if (state_ == State::kOpen) Write();
  }

  // Handles an event; appends the operations that it ended.
  void Handle(Event::Kind kind, bool ok, std::deque<Operation*>& ended)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    --events_;
    switch (kind) {
      case Event::Kind::kStarted:
        if (ok) {
          if (state_ == State::kOpening) state_ = State::kOpen;
          Read();
          Write();
        } else {
          Finish();
        }
        break;
      case Event::Kind::kRead:
        if (ok) {
          Answered(ended);
          Read();
        } else {
          Finish();
        }
        break;
      case Event::Kind::kWritten:
        writing_ = false;
        if (ok) Write();
        break;
      case Event::Kind::kFinished:
        break;
    }
    if (state_ == State::kEnding && events_ == 0) FailAll(ended);
  }

  void CancelIfOlder(Clock::time_point oldest) ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    for (const Slot& slot : slots_) {
      if (slot.running && slot.started < oldest && context_) {
        timed_out_ = true;
        context_->TryCancel();
        return;
      }
    }
  }

  void Cancel() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    if (context_) context_->TryCancel();
  }

 private:
  enum class State { kClosed, kOpening, kOpen, kEnding };

  void Open() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    context_ = std::make_unique<grpc::ClientContext>();
    stream_ = stub_->PrepareAsyncPipeline(context_.get(), queue_);
    state_ = State::kOpening;
    timed_out_ = false;
    ++events_;
    stream_->StartCall(&started_);
  }

  void Read() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ++events_;
    stream_->Read(&response_, &read_);
  }

  // Writes the next operation unless one is being written.
  void Write() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || to_write_.empty() || state_ != State::kOpen) return;
    Slot& slot = slots_[to_write_.front()];
    to_write_.pop_front();
    writing_ = true;
    ++events_;
    request_.set_id(slot.id);
    if (slot.kind == Operation::Kind::kGet) {
      request_.mutable_get()->set_key(slot.key);
      stream_->Write(request_, &written_);
      return;
    }
    v1::SetRequest& set = *request_.mutable_set();
    set.set_key(slot.key);
    if (ttl_) *set.mutable_ttl() = ToProto(*ttl_);
    set.mutable_value()->swap(slot.value);
    stream_->Write(request_, &written_);
    set.mutable_value()->swap(slot.value);  // gRPC has its own bytes by now
  }

  void Finish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (state_ == State::kEnding) return;
    state_ = State::kEnding;
    ++events_;
    stream_->Finish(&status_, &finished_);
  }

  void Answered(std::deque<Operation*>& ended) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (response_.id() >= slots_.size() || !slots_[response_.id()].running) return;
    Slot& slot = slots_[response_.id()];
    slot.running = false;
    slot.found = false;
    slot.status = absl::OkStatus();
    const bool is_get = slot.kind == Operation::Kind::kGet;
    if (response_.has_error()) {
      slot.status = ItemStatus(response_.error().code(), response_.error().message(), {});
    } else if (is_get && response_.has_get()) {
      slot.found = response_.get().found();
      slot.value.swap(*response_.mutable_get()->mutable_value());
    } else if (is_get || !response_.has_set()) {
      slot.status = absl::InternalError("the answer is of another operation");
    }
    ended.push_back(&slot);
  }

  void FailAll(std::deque<Operation*>& ended) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    absl::Status status = absl::UnavailableError("the node ended the stream");
    if (timed_out_) {
      status = absl::DeadlineExceededError("no answer in time; stream cancelled");
    } else if (!status_.ok()) {
      status = InterpretRpcStatus({static_cast<int>(status_.error_code()), status_.error_message(),
                                   status_.error_details()})
                   .status;
    }
    for (Slot& slot : slots_) {
      if (!slot.running) continue;
      slot.running = false;
      slot.found = false;
      slot.status = status;
      ended.push_back(&slot);
    }
    to_write_.clear();
    stream_.reset();
    context_.reset();
    state_ = State::kClosed;
  }

  Event started_{this, Event::Kind::kStarted};
  Event read_{this, Event::Kind::kRead};
  Event written_{this, Event::Kind::kWritten};
  Event finished_{this, Event::Kind::kFinished};

  const std::unique_ptr<v1::Cache::Stub> stub_;
  grpc::CompletionQueue* const queue_;
  const std::optional<absl::Duration> ttl_;
  std::vector<Slot> slots_;

  Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kClosed;
  int events_ ABSL_GUARDED_BY(mutex_) = 0;  // begun and not yet handled
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool timed_out_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<uint64_t> to_write_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::ClientContext> context_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::PipelineRequest, v1::PipelineResponse>> stream_
      ABSL_GUARDED_BY(mutex_);
  v1::PipelineRequest request_ ABSL_GUARDED_BY(mutex_);
  v1::PipelineResponse response_ ABSL_GUARDED_BY(mutex_);
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
};

// One Pipeline stream per connection.
class PipelineEngine final : public Engine {
 public:
  explicit PipelineEngine(const EngineOptions& options)
      : timeout_(absl::ToChronoNanoseconds(options.timeout)) {
    for (int i = 0; i < options.connections; ++i) {
      streams_.push_back(std::make_unique<Stream>(options, &queue_));
    }
    for (int i = options.inflight - 1; i >= 0; --i) {
      for (const auto& stream : streams_) AddFree(stream->slots()[i]);
    }
  }

  ~PipelineEngine() override {
    for (const auto& stream : streams_) stream->Cancel();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  void Start(Operation& operation) override {
    Slot& slot = static_cast<Slot&>(operation);
    slot.stream->Send(slot);
  }

  Operation* Next(absl::Duration wait) override {
    const auto deadline = std::chrono::system_clock::now() + absl::ToChronoNanoseconds(wait);
    while (ended_.empty()) {
      CheckTimeouts();
      void* tag = nullptr;
      bool ok = false;
      if (queue_.AsyncNext(&tag, &ok, deadline) != grpc::CompletionQueue::GOT_EVENT) {
        return nullptr;
      }
      const auto& event = *static_cast<Stream::Event*>(tag);
      event.stream->Handle(event.kind, ok, ended_);
    }
    Operation* operation = ended_.front();
    ended_.pop_front();
    return operation;
  }

 private:
  // Single operations of a stream have no deadline of their own, so a late one ends its stream.
  void CheckTimeouts() {
    const Clock::time_point now = Clock::now();
    if (now - last_check_ < kTimeoutCheckInterval) return;
    last_check_ = now;
    for (const auto& stream : streams_) stream->CancelIfOlder(now - timeout_);
  }

  const std::chrono::nanoseconds timeout_;
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::deque<Operation*> ended_;
  Clock::time_point last_check_ = Clock::now();
};

}  // namespace

std::unique_ptr<Engine> CreatePipelineEngine(const EngineOptions& options) {
  return std::make_unique<PipelineEngine>(options);
}

}  // namespace larder::load
