#include "tests/bench/hot_path/grpc_message_reader.h"

#include <optional>

#include "tests/bench/hot_path/grpc_messages.h"
#include "tests/bench/hot_path/http2_frame.h"

namespace larder::bench {

absl::StatusOr<bool> GrpcMessageReader::Next(std::string_view& bytes, std::string_view& message) {
  const std::optional<std::string_view> prefix = joiner_.Front(kGrpcPrefixBytes, bytes);
  if (!prefix.has_value()) return false;
  if (prefix->front() != '\0') return absl::InternalError("a compressed message");
  const size_t size = kGrpcPrefixBytes + ReadBigEndian32(prefix->substr(1));
  if (!joiner_.Front(size, bytes).has_value()) return false;
  message = joiner_.Take(size, bytes).substr(kGrpcPrefixBytes);
  return true;
}

}  // namespace larder::bench
