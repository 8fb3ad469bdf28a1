#ifndef LARDER_SERVER_RPC_METADATA_H_
#define LARDER_SERVER_RPC_METADATA_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace larder::server {

// The most metadata that a call sends before its messages, and behind them; each field counts 32
// bytes more. Clients take 8 KiB by default, and a status needs some of it.
inline constexpr size_t kSentMetadataBytesMax = 4096;

// A name that gRPC leaves to applications: lower case letters, digits, "-", "_", "."; not "grpc-*",
// and none that HTTP/2 or gRPC itself uses. One that ends with "-bin" has values of any bytes, any
// other has values of printable ASCII.
bool IsMetadataName(std::string_view name);

// The custom metadata that came with a call, in its order; a name may be there more than once. Not
// thread-safe.
class Metadata {
 public:
  struct Entry {
    std::string name;
    std::string value;  // decoded, if the name ends with "-bin"
  };

  // Takes a header field. The values of a "-bin" field are in base64, with or without padding, and
  // may be joined by commas, so that one field may bring several entries.
  // INVALID_ARGUMENT: the value is no base64, or not printable ASCII.
  // REQUIRES: IsMetadataName(name).
  absl::Status Add(std::string_view name, std::string_view value);

  const std::vector<Entry>& entries() const { return entries_; }
  // The first value of that name.
  std::optional<std::string_view> Find(std::string_view name) const;

 private:
  std::vector<Entry> entries_;
};

// Metadata to be sent, as part of a header block (HPACK without a dynamic table). Not thread-safe.
class SentMetadata {
 public:
  // INVALID_ARGUMENT: not IsMetadataName, or the value of a name without "-bin" is not printable
  // ASCII or begins or ends with a space. RESOURCE_EXHAUSTED: more than kSentMetadataBytesMax.
  absl::Status Add(std::string_view name, std::string_view value);

  const std::string& block() const { return block_; }

 private:
  std::string block_;
  size_t bytes_ = 0;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_METADATA_H_
