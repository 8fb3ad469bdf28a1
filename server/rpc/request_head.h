#ifndef LARDER_SERVER_RPC_REQUEST_HEAD_H_
#define LARDER_SERVER_RPC_REQUEST_HEAD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace larder::server {

// What a client wants of a node that does not own a key's slot: the header field larder-routing.
enum class RoutingWish : uint8_t {
  kForward,   // the node asks the owner; without the field
  kRedirect,  // the node says who the owner is
};

// The header field by which a node marks the requests that it sends on: 1, and behind a space the
// proof that it is one, if nodes have any.
inline constexpr char kForwardedField[] = "larder-forwarded";
inline constexpr char kForwardedValue[] = "1";

// The header fields of a request: what HTTP/2 (RFC 9113, section 8) demands of them, and what gRPC
// says with them. One object is filled again for each request, so that its memory stays.
class RequestHead {
 public:
  // `bytes_max`: of all names and values, with 32 for each field (RFC 9113, section 6.5.2).
  explicit RequestHead(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Also forgets KeepMetadata.
  void Clear();
  // The custom metadata of this request is wanted; to be said before its fields come.
  void KeepMetadata() { keeps_metadata_ = true; }
  // Takes the fields in their order.
  void Add(std::string_view name, std::string_view value);

  // False: no request by the rules of HTTP/2. To be asked when all fields were added.
  bool is_well_formed() const;
  // What came is cut off at bytes_max.
  bool is_too_large() const { return bytes_ > bytes_max_; }

  const std::string& path() const { return path_; }
  const std::string& http_method() const { return http_method_; }
  bool is_grpc() const { return is_grpc_; }  // content-type application/grpc, perhaps with more
  const std::string& content_type() const { return content_type_; }
  // The name of grpc-encoding; empty: identity.
  const std::string& encoding() const { return encoding_; }
  std::optional<uint64_t> content_length() const { return content_length_; }
  // Absent: no deadline.
  std::optional<absl::Duration> timeout() const { return timeout_; }
  RoutingWish routing() const { return routing_; }
  // Another node has sent it on, by the header field larder-forwarded: it is not sent on again.
  bool is_forwarded() const { return is_forwarded_; }
  // Whether it is, and whoever says so has this proof, or needs none since it is empty. Takes a
  // time that tells only how long the proof is.
  bool IsFromNode(std::string_view proof) const;
  // INVALID_ARGUMENT: grpc-timeout, larder-routing or larder-forwarded is malformed.
  // UNIMPLEMENTED: the messages are compressed in a way that is not ours. DEADLINE_EXCEEDED: there
  // was no time left.
  absl::Status CheckGrpc() const { return is_plain_ ? absl::OkStatus() : CheckUncommon(); }
  // The other fields with an IsMetadataName, as they came. Empty without KeepMetadata.
  const std::vector<std::pair<std::string, std::string>>& metadata() const { return metadata_; }

 private:
  absl::Status CheckUncommon() const;
  void AddPseudo(std::string_view name, std::string_view value);
  void AddRegular(std::string_view name, std::string_view value);
  void AddForwarded(std::string_view value);

  const size_t bytes_max_;
  size_t bytes_ = 0;
  bool is_malformed_ = false;
  bool has_regular_ = false;
  bool has_scheme_ = false;
  bool has_authority_ = false;
  bool is_grpc_ = false;
  bool is_plain_ = true;  // none of the fields that CheckGrpc looks at has come
  bool has_bad_timeout_ = false;
  bool keeps_metadata_ = false;
  std::string http_method_;
  std::string path_;
  std::string content_type_;
  std::string encoding_;
  std::optional<uint64_t> content_length_;
  std::optional<absl::Duration> timeout_;
  RoutingWish routing_ = RoutingWish::kForward;
  std::optional<std::string> bad_routing_;  // what came in place of it
  bool is_forwarded_ = false;
  std::string proof_;                         // that came with it
  std::optional<std::string> bad_forwarded_;  // what came in place of it
  std::vector<std::pair<std::string, std::string>> metadata_;
};

// The text of grpc-timeout: up to 8 digits and a unit. Absent: it is none.
std::optional<absl::Duration> ParseGrpcTimeout(std::string_view text);

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_REQUEST_HEAD_H_
