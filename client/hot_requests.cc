#include "client/hot_requests.h"

#include <cstring>

#include "client/codec.h"
#include "client/messages.h"
#include "client/proto_time.h"
#include "proto/wire/wire_writer.h"

namespace larder {
namespace {

// Fields that have their default are left out, as protobuf does.
size_t TextBytes(std::string_view text) { return text.empty() ? 0 : BytesFieldBytes(text.size()); }

void WriteText(uint32_t field, std::string_view text, WireWriter& writer) {
  if (!text.empty()) std::memcpy(writer.Bytes(field, text.size()), text.data(), text.size());
}

size_t NumberBytes(uint64_t number) { return number == 0 ? 0 : VarintFieldBytes(number); }

void WriteNumber(uint32_t field, uint64_t number, WireWriter& writer) {
  if (number != 0) writer.Varint(field, number);
}

size_t DurationBytes(const google::protobuf::Duration& duration) {
  return NumberBytes(static_cast<uint64_t>(duration.seconds())) +
         NumberBytes(static_cast<uint64_t>(int64_t{duration.nanos()}));
}

void WriteDuration(const google::protobuf::Duration& duration, WireWriter& writer) {
  WriteNumber(1, static_cast<uint64_t>(duration.seconds()), writer);
  WriteNumber(2, static_cast<uint64_t>(int64_t{duration.nanos()}), writer);
}

}  // namespace

void WriteGetRequest(std::string_view key, const GetOptions& options, ChannelCall& call) {
  if (options.max_staleness || options.min_position)
    return WriteRequest(ToProto(key, options), call);
  WireWriter writer(call.ResizeRequest(TextBytes(key)));
  WriteText(1, key, writer);
}

void WriteSetRequest(std::string_view key, std::string_view value, const SetOptions& options,
                     ChannelCall& call) {
  if (options.keep_ttl || options.condition.kind != Condition::Kind::kNone ||
      options.ack.level != Ack::Level::kDefault || options.return_previous) {
    return WriteRequest(ToProto(key, value, options), call);
  }
  google::protobuf::Duration ttl;
  if (options.ttl) ttl = ToProto(*options.ttl);
  const size_t ttl_bytes = DurationBytes(ttl);
  WireWriter writer(call.ResizeRequest(TextBytes(key) + TextBytes(value) +
                                       (options.ttl ? BytesFieldBytes(ttl_bytes) : 0) +
                                       NumberBytes(options.flags)));
  WriteText(1, key, writer);
  WriteText(2, value, writer);
  if (options.ttl) {
    writer.BytesHead(3, ttl_bytes);
    WriteDuration(ttl, writer);
  }
  WriteNumber(4, options.flags, writer);
}

void WriteDeleteRequest(std::string_view key, const DeleteOptions& options, ChannelCall& call) {
  if (options.serve_stale_for) return WriteRequest(ToProto(key, options), call);
  WireWriter writer(
      call.ResizeRequest(TextBytes(key) + (options.if_version ? kFixed64FieldBytes : 0)));
  WriteText(1, key, writer);
  if (options.if_version) writer.Fixed64(2, *options.if_version);
}

void WriteMultiGetRequest(const std::vector<std::string>& keys, const std::vector<size_t>& items,
                          ChannelCall& call) {
  size_t bytes = 0;
  for (const size_t i : items) bytes += BytesFieldBytes(TextBytes(keys[i]));
  WireWriter writer(call.ResizeRequest(bytes));
  for (const size_t i : items) {
    writer.BytesHead(1, TextBytes(keys[i]));
    WriteText(1, keys[i], writer);
  }
}

}  // namespace larder
