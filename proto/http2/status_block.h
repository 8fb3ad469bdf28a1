#ifndef LARDER_PROTO_HTTP2_STATUS_BLOCK_H_
#define LARDER_PROTO_HTTP2_STATUS_BLOCK_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace larder {

// The header blocks of answers, in HPACK without a dynamic table.

// The head of an answer that has messages: ":status: 200" and the content type.
std::string_view AnswerHead();
// The trailers behind the last message: "grpc-status: 0".
std::string_view OkTrailers();

// A status that is not OK, with its message percent-encoded and its details (google.rpc.Status) in
// base64. `is_only`: nothing came before, so it begins with the head.
std::string StatusBlock(const absl::Status& status, std::string_view details, bool is_only);

// The head of an answer in plain text, for requests that are not gRPC's; and what is behind it.
std::string HttpStatusBlock(std::string_view http_status);
std::string_view HttpTrailers();

// Base64 as gRPC has it: without padding.
std::string Base64(std::string_view bytes);

// One field of a block.
void AppendField(std::string_view name, std::string_view value, std::string& block);

}  // namespace larder

#endif  // LARDER_PROTO_HTTP2_STATUS_BLOCK_H_
