#ifndef LARDER_SERVER_BUS_CLUSTER_SECRET_H_
#define LARDER_SERVER_BUS_CLUSTER_SECRET_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace larder::server {

inline constexpr size_t kClusterSecretBytesMin = 16;
inline constexpr size_t kClusterSecretBytesMax = 1024;
// The metadata of a stream that it travels in.
inline constexpr char kClusterSecretKey[] = "larder-cluster-secret-bin";

// What --cluster_secret_file holds, without line breaks at its end. FAILED_PRECONDITION names the
// flag, the file, and what is wrong: it cannot be read, or is too short or too long.
absl::StatusOr<std::string> ReadClusterSecret(const std::string& path);

// In a time that tells only whether the lengths are the same.
bool IsSameSecret(std::string_view a, std::string_view b);

}  // namespace larder::server

#endif  // LARDER_SERVER_BUS_CLUSTER_SECRET_H_
