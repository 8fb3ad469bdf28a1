#ifndef LARDER_CLIENT_CODEC_H_
#define LARDER_CLIENT_CODEC_H_

#include <string_view>

#include "client/channel/channel_call.h"
#include "client/messages.h"
#include "google/protobuf/message_lite.h"

namespace larder {

// Between messages of the contract and the bytes of calls. Internal.

inline void WriteRequest(const google::protobuf::MessageLite& message, ChannelCall& call) {
  const size_t bytes = message.ByteSizeLong();
  message.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(call.ResizeRequest(bytes)));
}

inline absl::Status NoMessage() {
  return absl::InternalError("the answer breaks the contract: it cannot be parsed");
}

template <typename Response, typename Result>
absl::StatusOr<Result> ReadAnswer(std::string_view bytes, size_t /*items*/) {
  Response response;
  if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return NoMessage();
  return FromProto(response);
}

template <typename Response, typename Result>
absl::StatusOr<Result> ReadItems(std::string_view bytes, size_t items) {
  Response response;
  if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return NoMessage();
  return FromProto(response, items);
}

}  // namespace larder

#endif  // LARDER_CLIENT_CODEC_H_
