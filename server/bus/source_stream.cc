#include "server/bus/source_stream.h"

#include <grpcpp/alarm.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cluster/wire/replication_decoder.h"
#include "cluster/wire/replication_encoder.h"
#include "larder/peer/v1/replication.grpc.pb.h"
#include "server/bus/bus_status.h"
#include "server/bus/cluster_secret.h"

namespace larder::server {
namespace {

using Reactor = grpc::ServerBidiReactor<peer::v1::FollowRequest, peer::v1::FollowResponse>;

// A call that ends before anything is read of it.
class RefusedCall final : public Reactor {
 public:
  explicit RefusedCall(const absl::Status& status) { Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

class ServedStream final : public SourceStreamCore,
                           public Reactor,
                           public std::enable_shared_from_this<ServedStream> {
 public:
  ServedStream(const SourceStreamParts& parts, grpc::CallbackServerContext* context)
      : SourceStreamCore(nullptr),
        parts_(parts),
        context_(context),
        peer_(context->peer()),
        decoder_(parts.options->limits),
        encoder_(parts.options->compression) {}

  // REQUIRES: it is among parts.streams.
  void Begin() {
    self_ = shared_from_this();
    BusCounters::Add(&parts_.counters->streams_opened, 1);
    hello_alarm_.Set(
        DeadlineAfter(parts_.options->hello_timeout), [weak = weak_from_this()](bool has_expired) {
          const auto stream = weak.lock();
          if (!has_expired || stream == nullptr) return;
          stream->NotOpenedInTime(absl::DeadlineExceededError("no Hello came in time"));
        });
    Start();
  }

  std::string peer() const override { return peer_; }

  void OnReadDone(bool ok) override {
    if (!ok) return ReadDone(std::nullopt);
    BusCounters::Add(&parts_.counters->messages_received, 1);
    BusCounters::Add(&parts_.counters->bytes_received, read_.ByteSizeLong());
    absl::StatusOr<cluster::ReplicaMessage> message = decoder_.Decode(&read_);
    ReadDone(std::move(message));
  }
  void OnWriteDone(bool ok) override { WriteDone(ok); }
  void OnCancel() override { Broken(); }
  void OnDone() override {
    const std::shared_ptr<ServedStream> self = std::move(self_);
    hello_alarm_.Cancel();
    grace_alarm_.Cancel();
    const StreamEnd end =
        Done(absl::UnavailableError("the replica has ended the stream or is gone"));
    parts_.counters->CountEnd(end);
    parts_.streams->Remove(this);
  }

 private:
  void BeginOpen() override { StartSendInitialMetadata(); }
  void BeginRead() override { StartRead(&read_); }
  void BeginWrite() override { StartWrite(&write_); }
  void BeginEnd(StreamEnd, const absl::Status& status) override { Finish(ToGrpc(status)); }
  void Cancel() override { context_->TryCancel(); }
  void BeginGrace() override {
    grace_alarm_.Set(DeadlineAfter(parts_.options->close_grace),
                     [weak = weak_from_this()](bool has_expired) {
                       const auto stream = weak.lock();
                       if (has_expired && stream != nullptr) stream->GraceIsOver();
                     });
  }
  void Encode(cluster::SourceMessage message) override {
    const uint64_t saved = encoder_.saved_bytes();
    encoder_.Encode(std::move(message), &write_);
    BusCounters::Add(&parts_.counters->compressed_bytes_saved, encoder_.saved_bytes() - saved);
    BusCounters::Add(&parts_.counters->messages_sent, 1);
    BusCounters::Add(&parts_.counters->bytes_sent, write_.ByteSizeLong());
  }
  absl::StatusOr<std::shared_ptr<Listener>> Accept(const cluster::ReplicaMessage& first) override {
    const auto* const hello = std::get_if<cluster::Hello>(&first);
    if (hello == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("a stream begins with Hello, not with ", cluster::MessageText(first)));
    }
    std::shared_ptr<Listener> listener = parts_.acceptor->OnReplica(shared_from_this(), *hello);
    if (listener == nullptr) return absl::UnavailableError("the node takes no replica now");
    return listener;
  }

  const SourceStreamParts parts_;
  grpc::CallbackServerContext* const context_;  // gRPC's, until OnDone has returned
  const std::string peer_;
  std::shared_ptr<ServedStream> self_;  // until OnDone
  grpc::Alarm hello_alarm_;
  grpc::Alarm grace_alarm_;
  cluster::ReplicationDecoder decoder_;
  peer::v1::FollowRequest read_;  // gRPC's while a read is under way
  cluster::ReplicationEncoder encoder_;
  peer::v1::FollowResponse write_;  // gRPC's while a write is under way
};

absl::Status CheckSecret(const grpc::CallbackServerContext& context, const std::string& secret) {
  if (secret.empty()) return absl::OkStatus();
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(kClusterSecretKey);
  if (found == metadata.end()) {
    return absl::UnauthenticatedError(
        "this node has a cluster secret (--cluster_secret_file), and none was given");
  }
  if (!IsSameSecret({found->second.data(), found->second.size()}, secret)) {
    return absl::UnauthenticatedError("another cluster secret (--cluster_secret_file)");
  }
  return absl::OkStatus();
}

Reactor* Refuse(BusCounters* counters, StreamRefusal why, const absl::Status& status) {
  counters->CountRefusal(why);
  return new RefusedCall(status);
}

}  // namespace

Reactor* StartSourceStream(const SourceStreamParts& parts, grpc::CallbackServerContext* context) {
  const absl::Status known = CheckSecret(*context, parts.options->cluster_secret);
  if (!known.ok()) return Refuse(parts.counters, StreamRefusal::kSecret, known);
  const auto stream = std::make_shared<ServedStream>(parts, context);
  using Outcome = OpenStreams<SourceStreamCore>::Outcome;
  switch (parts.streams->Add(stream)) {
    case Outcome::kAdded:
      break;
    case Outcome::kTooMany:
      return Refuse(
          parts.counters, StreamRefusal::kTooMany,
          absl::ResourceExhaustedError(absl::StrCat("the bus has ", parts.options->streams_max,
                                                    " streams, as many as it may")));
    case Outcome::kClosing:
      return Refuse(parts.counters, StreamRefusal::kShutdown, absl::UnavailableError(kBusShutdown));
  }
  stream->Begin();
  return stream.get();
}

}  // namespace larder::server
