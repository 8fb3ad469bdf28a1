#include "server/rpc/services/cache_answers.h"

#include <chrono>

#include "proto/wire/wire_writer.h"
#include "server/handlers/node_id_bytes.h"

namespace larder::server {
namespace {

// A google.protobuf.Timestamp.
struct WireTimestamp {
  explicit WireTimestamp(storage::TimePoint time) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
    seconds = static_cast<uint64_t>(whole.count());
    nanos =
        static_cast<uint64_t>(std::chrono::nanoseconds(time.time_since_epoch() - whole).count());
  }
  size_t bytes() const {
    return (seconds == 0 ? 0 : VarintFieldBytes(seconds)) +
           (nanos == 0 ? 0 : VarintFieldBytes(nanos));
  }
  void Write(WireWriter& writer) const {
    if (seconds != 0) writer.Varint(1, seconds);
    if (nanos != 0) writer.Varint(2, nanos);
  }

  uint64_t seconds;
  uint64_t nanos;
};

// The size of a field with the time when an entry expires; none if it does not.
size_t ExpiryBytes(storage::TimePoint expires_at) {
  return expires_at == storage::kNever ? 0 : BytesFieldBytes(WireTimestamp(expires_at).bytes());
}

void WriteExpiry(storage::TimePoint expires_at, uint32_t field, WireWriter& writer) {
  if (expires_at == storage::kNever) return;
  const WireTimestamp time(expires_at);
  writer.BytesHead(field, time.bytes());
  time.Write(writer);
}

// The number of NotStoredReason.
uint64_t ReasonOf(storage::SetResult::Outcome outcome) {
  using Outcome = storage::SetResult::Outcome;
  switch (outcome) {
    case Outcome::kStored:
    case Outcome::kRefused:  // is an error
      break;
    case Outcome::kExists:
      return 1;
    case Outcome::kNotFound:
      return 2;
    case Outcome::kVersionMismatch:
      return 3;
    case Outcome::kLeaseLost:
      return 4;
  }
  return 0;
}

// A Position of the shard 0, which is the only one.
class WirePosition {
 public:
  explicit WirePosition(const cluster::Position& position)
      : position_(position),
        epoch_bytes_(NumberBytes(position.epoch.term) + NumberBytes(position.epoch.incarnation) +
                     BytesFieldBytes(kNodeIdBytes)) {}

  size_t bytes() const { return BytesFieldBytes(epoch_bytes_) + NumberBytes(position_.sequence); }
  void Write(WireWriter& writer) const {
    const cluster::Epoch& epoch = position_.epoch;
    writer.BytesHead(2, epoch_bytes_);
    if (epoch.term != 0) writer.Varint(1, epoch.term);
    if (epoch.incarnation != 0) writer.Varint(2, epoch.incarnation);
    WriteNodeId(epoch.node, writer.Bytes(3, kNodeIdBytes));
    if (position_.sequence != 0) writer.Varint(3, position_.sequence);
  }

 private:
  static size_t NumberBytes(uint64_t number) { return number == 0 ? 0 : VarintFieldBytes(number); }

  const cluster::Position& position_;
  const size_t epoch_bytes_;
};

// The size of a Stored or NotStored.
size_t OutcomeBytes(const SetAnswer& answer) {
  const size_t version = answer.result.version == 0 ? 0 : kFixed64FieldBytes;
  const uint64_t reason = ReasonOf(answer.result.outcome);
  const size_t bytes = version + (reason == 0 ? 0 : VarintFieldBytes(reason));
  if (!answer.position.has_value()) [[likely]]
    return bytes;
  return bytes + BytesFieldBytes(WirePosition(*answer.position).bytes());
}

}  // namespace

size_t GetResponseBytes(const storage::EntryInfo& info, size_t value_bytes) {
  size_t bytes = VarintFieldBytes(1);
  if (value_bytes > 0) bytes += BytesFieldBytes(value_bytes);
  if (info.version != 0) bytes += kFixed64FieldBytes;
  bytes += ExpiryBytes(info.expires_at);
  if (info.flags != 0) bytes += VarintFieldBytes(info.flags);
  if (info.stale) bytes += VarintFieldBytes(1);
  return bytes;
}

char* WriteGetResponse(const storage::EntryInfo& info, size_t value_bytes, char* at) {
  WireWriter writer(at);
  writer.Varint(1, 1);
  char* value = writer.at();
  if (value_bytes > 0) value = writer.Bytes(2, value_bytes);
  if (info.version != 0) writer.Fixed64(3, info.version);
  WriteExpiry(info.expires_at, 4, writer);
  if (info.flags != 0) writer.Varint(5, info.flags);
  if (info.stale) writer.Varint(6, 1);
  return value;
}

size_t SetResponseBytes(const SetAnswer& answer) { return BytesFieldBytes(OutcomeBytes(answer)); }

void WriteSetResponse(const SetAnswer& answer, char* at) {
  const storage::SetResult& result = answer.result;
  WireWriter writer(at);
  const bool is_stored = result.outcome == storage::SetResult::Outcome::kStored;
  writer.BytesHead(is_stored ? 1 : 2, OutcomeBytes(answer));
  if (!is_stored) writer.Varint(1, ReasonOf(result.outcome));
  if (result.version != 0) writer.Fixed64(is_stored ? 1 : 2, result.version);
  if (!answer.position.has_value()) [[likely]]
    return;
  const WirePosition position(*answer.position);
  writer.BytesHead(2, position.bytes());
  position.Write(writer);
}

size_t DeleteResponseBytes(const storage::DeleteResult& result) {
  return (result.deleted ? VarintFieldBytes(1) : 0) +
         (result.current_version == 0 ? 0 : kFixed64FieldBytes);
}

void WriteDeleteResponse(const storage::DeleteResult& result, char* at) {
  WireWriter writer(at);
  if (result.deleted) writer.Varint(1, 1);
  if (result.current_version != 0) writer.Fixed64(2, result.current_version);
}

size_t TouchResponseBytes(const TouchAnswer& answer) {
  size_t bytes = answer.found ? VarintFieldBytes(1) : 0;
  if (answer.version != 0) bytes += kFixed64FieldBytes;
  if (answer.found) bytes += ExpiryBytes(answer.expires_at);
  return bytes;
}

void WriteTouchResponse(const TouchAnswer& answer, char* at) {
  WireWriter writer(at);
  if (answer.found) writer.Varint(1, 1);
  if (answer.version != 0) writer.Fixed64(2, answer.version);
  if (answer.found) WriteExpiry(answer.expires_at, 3, writer);
}

}  // namespace larder::server
