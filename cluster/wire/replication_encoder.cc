#include "cluster/wire/replication_encoder.h"

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "cluster/wire/enum_codec.h"
#include "cluster/wire/field_encoder.h"
#include "larder/peer/v1/replication.pb.h"

namespace larder::cluster {
namespace {

namespace v1 = peer::v1;

void EncodePayload(std::string payload, PayloadCompressor* compressor, v1::Payload* out) {
  std::optional<std::string> compressed = compressor->Compress(payload);
  if (compressed.has_value()) {
    out->set_compression(v1::COMPRESSION_ZSTD);
    out->set_uncompressed_bytes(payload.size());
    out->set_data(*std::move(compressed));
  } else {
    out->set_compression(v1::COMPRESSION_NONE);
    out->set_data(std::move(payload));
  }
}

template <typename Message>
void EncodeChain(const std::vector<NodeId>& chain, Message* out) {
  for (const NodeId& node : chain) out->add_chain(EncodeNodeId(node));
}

void EncodeProgress(CopyProgress progress, v1::CopyProgress* out) {
  out->set_copy_id(progress.copy_id);
  EncodePosition(progress.position, out->mutable_position());
  out->set_cursor(std::move(progress.cursor));
  if (progress.older_position.has_value()) {
    EncodePosition(*progress.older_position, out->mutable_older_position());
  }
  out->set_older_cursor(std::move(progress.older_cursor));
  EncodePosition(progress.exact_from, out->mutable_exact_from());
}

void EncodeOne(Hello hello, v1::Hello* out) {
  out->set_version(hello.version);
  out->set_node_id(EncodeNodeId(hello.node));
  out->set_endpoint(std::move(hello.endpoint));
  out->set_bus_endpoint(std::move(hello.bus_endpoint));
  if (hello.fence.is_set()) EncodeEpoch(hello.fence, out->mutable_fence());
  out->set_commanded(hello.commanded);
  out->set_wants_copy(hello.wants_copy);
  if (hello.position.has_value()) EncodePosition(*hello.position, out->mutable_position());
  EncodeHistory(hello.history, out->mutable_history());
  if (hello.copy.has_value()) EncodeProgress(*std::move(hello.copy), out->mutable_copy());
}

void EncodeOne(const Ack& ack, v1::Ack* out) {
  if (ack.applied.has_value()) EncodePosition(*ack.applied, out->mutable_applied());
  out->set_heartbeat_asked(ack.heartbeat_asked);
  if (ack.copied_position.has_value()) out->set_copied_position(*ack.copied_position);
  out->set_copied_bytes(ack.copied_bytes);
  if (ack.exceed.has_value()) EncodeEpoch(*ack.exceed, out->mutable_exceed());
}

void EncodeOne(Welcome welcome, v1::FollowResponse* response) {
  v1::Welcome* const out = response->mutable_welcome();
  out->set_kind(EncodeKind(welcome.kind));
  out->set_node_id(EncodeNodeId(welcome.node));
  out->set_endpoint(std::move(welcome.endpoint));
  if (welcome.epoch.is_set()) EncodeEpoch(welcome.epoch, out->mutable_epoch());
  EncodeHistory(welcome.history, out->mutable_history());
  out->set_from(welcome.from);
  out->set_copy_id(welcome.copy_id);
  out->set_cursor(std::move(welcome.cursor));
  out->set_data_bytes(welcome.data_bytes);
  EncodeChain(welcome.chain, out);
  out->set_detail(std::move(welcome.detail));
}

void EncodeOne(Refuse refuse, v1::FollowResponse* response) {
  v1::Refuse* const out = response->mutable_refuse();
  out->set_reason(EncodeReason(refuse.reason));
  out->set_detail(std::move(refuse.detail));
  if (refuse.epoch.is_set()) EncodeEpoch(refuse.epoch, out->mutable_epoch());
}

void EncodeOne(const EpochBegins& begins, v1::FollowResponse* response) {
  v1::EpochBegins* const out = response->mutable_epoch_begins();
  EncodeEpoch(begins.epoch, out->mutable_epoch());
  out->set_first(begins.first);
}

void EncodeOne(const CopyEnd& end, v1::FollowResponse* response) {
  response->mutable_copy_end()->set_position(end.position);
}

void EncodeOne(const Heartbeat& heartbeat, v1::FollowResponse* response) {
  v1::Heartbeat* const out = response->mutable_heartbeat();
  out->set_number(heartbeat.number);
  out->set_shard_time_ms(static_cast<uint64_t>(heartbeat.shard_time.time_since_epoch().count()));
  out->set_log_end(heartbeat.log_end);
  if (heartbeat.age.has_value()) out->set_age_ms(static_cast<uint64_t>(heartbeat.age->count()));
  EncodeChain(heartbeat.chain, out);
}

void EncodeBatch(LogBatch batch, PayloadCompressor* compressor, v1::LogBatch* out) {
  out->set_from(batch.from);
  out->set_to(batch.to);
  if (batch.payload.empty()) return;
  EncodePayload(std::move(batch.payload), compressor, out->mutable_payload());
}

void EncodeChunk(CopyChunk chunk, PayloadCompressor* compressor, v1::CopyChunk* out) {
  out->set_begin(std::move(chunk.begin));
  out->set_end(std::move(chunk.end));
  out->set_position(chunk.position);
  out->set_keep(chunk.keep);
  out->set_exact_from(chunk.exact_from);
  if (chunk.payload.empty()) return;
  EncodePayload(std::move(chunk.payload), compressor, out->mutable_payload());
}

}  // namespace

void ReplicationEncoder::Encode(ReplicaMessage message, v1::FollowRequest* out) {
  out->Clear();
  if (auto* const hello = std::get_if<Hello>(&message)) {
    EncodeOne(std::move(*hello), out->mutable_hello());
  } else {
    EncodeOne(std::get<Ack>(message), out->mutable_ack());
  }
}

void ReplicationEncoder::Encode(SourceMessage message, v1::FollowResponse* out) {
  out->Clear();
  if (auto* const batch = std::get_if<LogBatch>(&message)) {
    EncodeBatch(std::move(*batch), &compressor_, out->mutable_log_batch());
  } else if (auto* const chunk = std::get_if<CopyChunk>(&message)) {
    EncodeChunk(std::move(*chunk), &compressor_, out->mutable_copy_chunk());
  } else {
    std::visit(
        [out](auto&& one) {
          using One = std::decay_t<decltype(one)>;
          if constexpr (!std::is_same_v<One, LogBatch> && !std::is_same_v<One, CopyChunk>) {
            EncodeOne(std::move(one), out);
          }
        },
        std::move(message));
  }
}

}  // namespace larder::cluster
