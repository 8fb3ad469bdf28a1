#include "server/bus/bus_client.h"

#include <grpcpp/alarm.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <grpcpp/support/client_callback.h>

#include <atomic>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/channel/mutex.h"
#include "cluster/wire/replication_decoder.h"
#include "cluster/wire/replication_encoder.h"
#include "larder/peer/v1/replication.grpc.pb.h"
#include "server/bus/bus_status.h"
#include "server/bus/cluster_secret.h"
#include "server/bus/open_streams.h"
#include "server/bus/stream_core.h"
#include "server/grpc_credentials/grpc_credentials.h"

namespace larder::server {
namespace {

using ReplicaStreamCore = StreamCore<cluster::SourceMessage, cluster::ReplicaMessage>;
using Reactor = grpc::ClientBidiReactor<peer::v1::FollowRequest, peer::v1::FollowResponse>;

// What gRPC has of one stream: its channel, by the stub.
struct FollowCall {
  explicit FollowCall(std::shared_ptr<grpc::Channel> channel)
      : stub(peer::v1::Replication::NewStub(std::move(channel))) {}

  const std::unique_ptr<peer::v1::Replication::Stub> stub;
  grpc::ClientContext context;
};

// Calls that have ended, until somebody can destroy them. Not a thread of gRPC's: where a channel
// is the last user of gRPC 1.51's callbacks, its end waits for the threads that run them, and
// destroys what they work on. Thread-safe.
class EndedCalls {
 public:
  void Add(std::unique_ptr<FollowCall> call) {
    MutexLock lock(mutex_);
    calls_.push_back(std::move(call));
  }
  std::vector<std::unique_ptr<FollowCall>> Take() {
    MutexLock lock(mutex_);
    return std::exchange(calls_, {});
  }

 private:
  Mutex mutex_;
  std::vector<std::unique_ptr<FollowCall>> calls_ ABSL_GUARDED_BY(mutex_);
};

struct ReplicaStreamParts {
  const BusOptions* options;
  BusCounters* counters;
  OpenStreams<ReplicaStreamCore>* streams;
  EndedCalls* ended_calls;
};

// A Follow call, which keeps itself until its end. It has a hold on the call until it begins the
// end, so that reads and writes may be started on any thread until then.
class FollowingStream final : public ReplicaStreamCore,
                              public Reactor,
                              public std::enable_shared_from_this<FollowingStream> {
 public:
  FollowingStream(const ReplicaStreamParts& parts, Endpoint source,
                  std::shared_ptr<grpc::Channel> channel, std::shared_ptr<Listener> listener)
      : ReplicaStreamCore(std::move(listener)),
        parts_(parts),
        source_(std::move(source)),
        call_(std::make_unique<FollowCall>(std::move(channel))),
        decoder_(parts.options->limits),
        encoder_(parts.options->compression) {}

  // REQUIRES: it is among parts.streams.
  void Begin() {
    self_ = shared_from_this();
    if (!parts_.options->cluster_secret.empty()) {
      call_->context.AddMetadata(kClusterSecretKey, parts_.options->cluster_secret);
    }
    call_->stub->async()->Follow(&call_->context, this);
    AddHold();
    open_alarm_.Set(DeadlineAfter(parts_.options->connect_timeout),
                    [weak = weak_from_this()](bool has_expired) {
                      const auto stream = weak.lock();
                      if (has_expired && stream != nullptr) stream->OpenTimeIsOver();
                    });
    Start();
  }

  std::string peer() const override { return source_.ToString(); }

  void OnReadInitialMetadataDone(bool ok) override {
    if (!ok) return;  // the end says why
    was_open_.store(true, std::memory_order_relaxed);
    BusCounters::Add(&parts_.counters->streams_opened, 1);
    Opened();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return ReadDone(std::nullopt);
    BusCounters::Add(&parts_.counters->messages_received, 1);
    BusCounters::Add(&parts_.counters->bytes_received, read_.ByteSizeLong());
    absl::StatusOr<cluster::SourceMessage> message = decoder_.Decode(&read_);
    ReadDone(std::move(message));
  }
  void OnWriteDone(bool ok) override { WriteDone(ok); }
  void OnDone(const grpc::Status& status) override {
    const std::shared_ptr<FollowingStream> self = std::move(self_);
    open_alarm_.Cancel();
    grace_alarm_.Cancel();
    const bool was_open = was_open_.load(std::memory_order_relaxed);
    const StreamEnd end = Done(ExplainEnd(source_, status, was_open));
    parts_.counters->CountEnd(end);
    parts_.ended_calls->Add(std::move(call_));
    parts_.streams->Remove(this);
  }

 private:
  void OpenTimeIsOver() {
    NotOpenedInTime(absl::DeadlineExceededError(
        absl::StrCat("the bus at ", source_.ToString(), ": no answer within ",
                     absl::FormatDuration(parts_.options->connect_timeout))));
  }
  void BeginOpen() override { StartCall(); }
  void BeginRead() override { StartRead(&read_); }
  void BeginWrite() override { StartWrite(&write_); }
  void BeginEnd(StreamEnd why, const absl::Status&) override {
    // Where the source has ended the call, its status is there already, or on its way.
    if (why != StreamEnd::kByPeer) call_->context.TryCancel();
    RemoveHold();
  }
  void Cancel() override { call_->context.TryCancel(); }
  void BeginGrace() override {
    grace_alarm_.Set(DeadlineAfter(parts_.options->close_grace),
                     [weak = weak_from_this()](bool has_expired) {
                       const auto stream = weak.lock();
                       if (has_expired && stream != nullptr) stream->GraceIsOver();
                     });
  }
  void Encode(cluster::ReplicaMessage message) override {
    encoder_.Encode(std::move(message), &write_);
    BusCounters::Add(&parts_.counters->messages_sent, 1);
    BusCounters::Add(&parts_.counters->bytes_sent, write_.ByteSizeLong());
  }
  absl::StatusOr<std::shared_ptr<Listener>> Accept(const cluster::SourceMessage&) override {
    return absl::InternalError("the listener of a replica's stream is known");
  }

  const ReplicaStreamParts parts_;
  const Endpoint source_;
  std::unique_ptr<FollowCall> call_;       // until OnDone
  std::shared_ptr<FollowingStream> self_;  // until OnDone
  std::atomic<bool> was_open_{false};
  grpc::Alarm open_alarm_;
  grpc::Alarm grace_alarm_;
  cluster::ReplicationDecoder decoder_;
  peer::v1::FollowResponse read_;  // gRPC's while a read is under way
  cluster::ReplicationEncoder encoder_;
  peer::v1::FollowRequest write_;  // gRPC's while a write is under way
};

class GrpcBusClient final : public BusClient {
 public:
  GrpcBusClient(const BusOptions& options, BusCounters* counters)
      : options_(options), counters_(counters), streams_(std::numeric_limits<size_t>::max()) {}

  ~GrpcBusClient() override {
    streams_.CloseAll(absl::UnavailableError(kBusShutdown));
    streams_.WaitUntilNoneIsLeft();
  }

  absl::StatusOr<std::shared_ptr<ReplicaStream>> Connect(
      const Endpoint& source, std::shared_ptr<ReplicaStreamListener> listener) override {
    const auto credentials = GrpcChannelCredentials(options_.tls);
    if (!credentials.ok()) return credentials.status();
    const auto stream = std::make_shared<FollowingStream>(
        ReplicaStreamParts{&options_, counters_, &streams_, &ended_calls_}, source,
        grpc::CreateCustomChannel(source.ToString(), *credentials, Arguments()),
        std::move(listener));
    // They go when the new one is there, so that none is the last, should this be a thread of
    // gRPC's.
    const std::vector<std::unique_ptr<FollowCall>> ended = ended_calls_.Take();
    streams_.Add(stream);
    stream->Begin();
    return stream;
  }

 private:
  grpc::ChannelArguments Arguments() const {
    grpc::ChannelArguments arguments;
    const auto milliseconds = [&arguments](const char* name, absl::Duration duration) {
      arguments.SetInt(name, static_cast<int>(absl::ToInt64Milliseconds(duration)));
    };
    arguments.SetMaxReceiveMessageSize(static_cast<int>(options_.message_bytes_max));
    arguments.SetMaxSendMessageSize(-1);
    // A connection of its own, so that another stream's trouble is not this one's.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    milliseconds(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, options_.connect_timeout);
    milliseconds(GRPC_ARG_KEEPALIVE_TIME_MS, options_.keepalive_time);
    milliseconds(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, options_.keepalive_timeout);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    // As the server: gRPC inflates a compressed message whole before it looks at its size.
    arguments.SetInt(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE);
    return arguments;
  }

  const BusOptions options_;
  BusCounters* const counters_;
  EndedCalls ended_calls_;
  OpenStreams<ReplicaStreamCore> streams_;
};

}  // namespace

std::unique_ptr<BusClient> BusClient::Create(const BusOptions& options, BusCounters* counters) {
  return std::make_unique<GrpcBusClient>(options, counters);
}

}  // namespace larder::server
