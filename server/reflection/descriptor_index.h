#ifndef LARDER_SERVER_REFLECTION_DESCRIPTOR_INDEX_H_
#define LARDER_SERVER_REFLECTION_DESCRIPTOR_INDEX_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace larder::server {

// Answers what server reflection asks, from the descriptors that are linked into this program.
// Knows no transport. Thread-safe: immutable.
class DescriptorIndex {
 public:
  // Serialized google.protobuf.FileDescriptorProto messages: the file asked for, then all that it
  // imports, each once.
  using Files = std::vector<std::string>;

  // The full names of the services to be listed.
  explicit DescriptorIndex(std::vector<std::string> services);

  const std::vector<std::string>& services() const { return services_; }

  // NOT_FOUND: there is no such thing.
  absl::StatusOr<Files> FileByName(std::string_view name) const;
  absl::StatusOr<Files> FileContainingSymbol(std::string_view symbol) const;
  absl::StatusOr<Files> FileContainingExtension(std::string_view message, int32_t number) const;
  absl::StatusOr<std::vector<int32_t>> ExtensionNumbers(std::string_view message) const;

 private:
  const std::vector<std::string> services_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REFLECTION_DESCRIPTOR_INDEX_H_
