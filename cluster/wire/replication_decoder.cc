#include "cluster/wire/replication_decoder.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cluster/wire/enum_codec.h"
#include "cluster/wire/field_decoder.h"
#include "larder/peer/v1/replication.pb.h"

namespace larder::cluster {
namespace {

namespace v1 = peer::v1;

// What a chain has that a source refuses as too long, with that source itself.
constexpr size_t kChainNodesMax = kChainMax + 1;
constexpr uint64_t kShardTimeMsMax = 253402300799999;           // the end of the year 9999
constexpr uint64_t kAgeMsMax = uint64_t{100} * 365 * 86400000;  // 100 years

template <typename Message, typename One>
absl::StatusOr<Message> Finish(const FieldDecoder& fields, One one) {
  if (!fields.ok()) return fields.status();
  return Message(std::move(one));
}

template <typename Repeated>
std::vector<NodeId> DecodeChain(const Repeated& chain, FieldDecoder* fields) {
  std::vector<NodeId> nodes;
  if (static_cast<size_t>(chain.size()) > kChainNodesMax) {
    fields->Refuse("chain", absl::StrCat(chain.size(), " nodes; at most ", kChainNodesMax));
    return nodes;
  }
  nodes.reserve(static_cast<size_t>(chain.size()));
  for (const std::string& node : chain) nodes.push_back(fields->Node("chain", node));
  return nodes;
}

// The payload of a message, which may be absent.
class PayloadDecoder {
 public:
  PayloadDecoder(const WireLimits& limits, PayloadInflater* inflater)
      : limits_(limits), inflater_(inflater) {}

  template <typename Message>
  std::string DecodeOf(Message* message, FieldDecoder* fields) {
    return message->has_payload() ? Decode(message->mutable_payload(), fields) : std::string();
  }

 private:
  std::string Decode(v1::Payload* payload, FieldDecoder* fields) {
    const uint64_t bytes =
        std::max(uint64_t{payload->data().size()}, payload->uncompressed_bytes());
    if (bytes > limits_.payload_bytes_max) {
      fields->Refuse("payload", absl::StrCat(bytes, " bytes; at most ", limits_.payload_bytes_max,
                                             " (is --max_value_bytes lower here than there?)"));
      return {};
    }
    if (payload->compression() == v1::COMPRESSION_NONE) {
      if (payload->uncompressed_bytes() != 0) {
        fields->Refuse("payload", "a size of what is not compressed");
      }
      return std::move(*payload->mutable_data());
    }
    if (payload->compression() != v1::COMPRESSION_ZSTD) {
      fields->Refuse("payload", absl::StrCat("compression ", payload->compression(),
                                             ", which is not known here"));
      return {};
    }
    absl::StatusOr<std::string> inflated = inflater_->Inflate(
        payload->data(), payload->uncompressed_bytes(), limits_.payload_bytes_max);
    if (inflated.ok()) return *std::move(inflated);
    fields->Refuse("payload", std::string(inflated.status().message()));
    return {};
  }

  const WireLimits& limits_;
  PayloadInflater* const inflater_;
};

CopyProgress DecodeProgress(v1::CopyProgress* progress, const WireLimits& limits,
                            FieldDecoder* fields) {
  CopyProgress copy;
  copy.copy_id = progress->copy_id();
  copy.position = fields->ReadPosition("copy.position", progress->position());
  copy.cursor = fields->Bytes("copy.cursor", progress->mutable_cursor(), limits.cursor_bytes_max);
  if (progress->has_older_position()) {
    copy.older_position = fields->ReadPosition("copy.older_position", progress->older_position());
  }
  copy.older_cursor =
      fields->Bytes("copy.older_cursor", progress->mutable_older_cursor(), limits.cursor_bytes_max);
  copy.exact_from = fields->ReadPosition("copy.exact_from", progress->exact_from());
  return copy;
}

Hello DecodeHello(v1::Hello* message, const WireLimits& limits, FieldDecoder* fields) {
  Hello hello;
  hello.version = message->version();
  if (hello.version == 0) fields->Refuse("version", "it is missing");
  hello.node = fields->Node("node_id", message->node_id());
  if (hello.version != kReplicationVersion) return hello;
  hello.endpoint = fields->Text("endpoint", message->mutable_endpoint(), limits.endpoint_bytes_max);
  hello.bus_endpoint =
      fields->Text("bus_endpoint", message->mutable_bus_endpoint(), limits.endpoint_bytes_max);
  hello.fence = fields->ReadEpochIf(message->has_fence(), "fence", message->fence());
  hello.commanded = message->commanded();
  hello.wants_copy = message->wants_copy();
  if (message->has_position()) {
    hello.position = fields->ReadPosition("position", message->position());
  }
  hello.history = fields->ReadHistory("history", message->history());
  if (message->has_copy()) hello.copy = DecodeProgress(message->mutable_copy(), limits, fields);
  return hello;
}

Ack DecodeAck(const v1::Ack& message, FieldDecoder* fields) {
  Ack ack;
  if (message.has_applied()) ack.applied = fields->ReadPosition("applied", message.applied());
  ack.heartbeat_asked = message.heartbeat_asked();
  if (message.has_copied_position()) ack.copied_position = message.copied_position();
  ack.copied_bytes = message.copied_bytes();
  if (message.has_exceed()) ack.exceed = fields->ReadEpoch("exceed", message.exceed());
  return ack;
}

Welcome DecodeWelcome(v1::Welcome* message, const WireLimits& limits, FieldDecoder* fields) {
  Welcome welcome;
  const std::optional<Welcome::Kind> kind = DecodeKind(message->kind());
  if (!kind.has_value()) {
    fields->Refuse("kind", absl::StrCat(message->kind(), ", which is not known here"));
  }
  welcome.kind = kind.value_or(Welcome::Kind::kContinue);
  welcome.node = fields->Node("node_id", message->node_id());
  welcome.endpoint =
      fields->Text("endpoint", message->mutable_endpoint(), limits.endpoint_bytes_max);
  welcome.epoch = fields->ReadEpochIf(message->has_epoch(), "epoch", message->epoch());
  welcome.history = fields->ReadHistory("history", message->history());
  welcome.from = message->from();
  welcome.copy_id = message->copy_id();
  welcome.cursor = fields->Bytes("cursor", message->mutable_cursor(), limits.cursor_bytes_max);
  welcome.data_bytes = message->data_bytes();
  welcome.chain = DecodeChain(message->chain(), fields);
  welcome.detail = fields->Text("detail", message->mutable_detail(), limits.detail_bytes_max);
  return welcome;
}

Refuse DecodeRefuse(v1::Refuse* message, const WireLimits& limits, FieldDecoder* fields) {
  Refuse refuse;
  const std::optional<Refuse::Reason> reason = DecodeReason(message->reason());
  if (!reason.has_value()) {
    fields->Refuse("reason", absl::StrCat(message->reason(), ", which is not known here"));
  }
  refuse.reason = reason.value_or(Refuse::Reason::kNotReady);
  refuse.detail = fields->Text("detail", message->mutable_detail(), limits.detail_bytes_max);
  refuse.epoch = fields->ReadEpochIf(message->has_epoch(), "epoch", message->epoch());
  return refuse;
}

LogBatch DecodeBatch(v1::LogBatch* message, PayloadDecoder* payloads, FieldDecoder* fields) {
  if (message->to() < message->from()) {
    fields->Refuse("to", absl::StrCat(message->to(), ", below `from`, ", message->from()));
    return {};
  }
  return {message->from(), message->to(), payloads->DecodeOf(message, fields)};
}

CopyChunk DecodeChunk(v1::CopyChunk* message, const WireLimits& limits, PayloadDecoder* payloads,
                      FieldDecoder* fields) {
  CopyChunk chunk;
  chunk.begin = fields->Bytes("begin", message->mutable_begin(), limits.cursor_bytes_max);
  chunk.end = fields->Bytes("end", message->mutable_end(), limits.cursor_bytes_max);
  chunk.position = message->position();
  chunk.keep = message->keep();
  chunk.exact_from = message->exact_from();
  if (chunk.keep && message->has_payload()) fields->Refuse("payload", "one of what is kept");
  if (!fields->ok()) return chunk;
  chunk.payload = payloads->DecodeOf(message, fields);
  return chunk;
}

Heartbeat DecodeHeartbeat(const v1::Heartbeat& message, FieldDecoder* fields) {
  Heartbeat heartbeat;
  heartbeat.number = message.number();
  heartbeat.shard_time = ShardTime(Millis(static_cast<int64_t>(
      fields->Number("shard_time_ms", message.shard_time_ms(), kShardTimeMsMax))));
  heartbeat.log_end = message.log_end();
  if (message.has_age_ms()) {
    heartbeat.age =
        Millis(static_cast<int64_t>(fields->Number("age_ms", message.age_ms(), kAgeMsMax)));
  }
  heartbeat.chain = DecodeChain(message.chain(), fields);
  return heartbeat;
}

absl::Status NoMessage() {
  return absl::InvalidArgumentError("a message of a kind that is not known here, or of none");
}

}  // namespace

absl::StatusOr<ReplicaMessage> ReplicationDecoder::Decode(v1::FollowRequest* message) {
  switch (message->message_case()) {
    case v1::FollowRequest::kHello: {
      FieldDecoder fields("Hello");
      return Finish<ReplicaMessage>(fields,
                                    DecodeHello(message->mutable_hello(), limits_, &fields));
    }
    case v1::FollowRequest::kAck: {
      FieldDecoder fields("Ack");
      return Finish<ReplicaMessage>(fields, DecodeAck(message->ack(), &fields));
    }
    case v1::FollowRequest::MESSAGE_NOT_SET:
      break;
  }
  return NoMessage();
}

absl::StatusOr<SourceMessage> ReplicationDecoder::Decode(v1::FollowResponse* message) {
  PayloadDecoder payloads(limits_, &inflater_);
  switch (message->message_case()) {
    case v1::FollowResponse::kWelcome: {
      FieldDecoder fields("Welcome");
      return Finish<SourceMessage>(fields,
                                   DecodeWelcome(message->mutable_welcome(), limits_, &fields));
    }
    case v1::FollowResponse::kRefuse: {
      FieldDecoder fields("Refuse");
      return Finish<SourceMessage>(fields,
                                   DecodeRefuse(message->mutable_refuse(), limits_, &fields));
    }
    case v1::FollowResponse::kEpochBegins: {
      FieldDecoder fields("EpochBegins");
      const v1::EpochBegins& begins = message->epoch_begins();
      return Finish<SourceMessage>(
          fields, EpochBegins{fields.ReadEpoch("epoch", begins.epoch()), begins.first()});
    }
    case v1::FollowResponse::kLogBatch: {
      FieldDecoder fields("LogBatch");
      return Finish<SourceMessage>(fields,
                                   DecodeBatch(message->mutable_log_batch(), &payloads, &fields));
    }
    case v1::FollowResponse::kCopyChunk: {
      FieldDecoder fields("CopyChunk");
      return Finish<SourceMessage>(
          fields, DecodeChunk(message->mutable_copy_chunk(), limits_, &payloads, &fields));
    }
    case v1::FollowResponse::kCopyEnd:
      return SourceMessage(CopyEnd{message->copy_end().position()});
    case v1::FollowResponse::kHeartbeat: {
      FieldDecoder fields("Heartbeat");
      return Finish<SourceMessage>(fields, DecodeHeartbeat(message->heartbeat(), &fields));
    }
    case v1::FollowResponse::MESSAGE_NOT_SET:
      break;
  }
  return NoMessage();
}

}  // namespace larder::cluster
