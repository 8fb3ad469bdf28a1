#ifndef LARDER_CLIENT_MESSAGES_H_
#define LARDER_CLIENT_MESSAGES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/replication_types.h"
#include "client/types.h"
#include "larder/v1/admin.pb.h"
#include "larder/v1/cache.pb.h"

namespace larder {

// Between the plain structs of types.h and the messages of the contract. Internal: public headers
// must not include this one. FromProto moves values out of the message.

v1::GetRequest ToProto(std::string_view key, const GetOptions& options);
v1::SetRequest ToProto(std::string_view key, std::string_view value, const SetOptions& options);
v1::DeleteRequest ToProto(std::string_view key, const DeleteOptions& options);
v1::LeaseRequest ToProto(std::string_view key, const LeaseOptions& options);
v1::MultiGetRequest ToProto(const std::vector<std::string>& keys);
v1::MultiSetRequest ToProto(const std::vector<SetItem>& items);
v1::MultiDeleteRequest ToProto(const std::vector<DeleteItem>& items);
v1::TouchRequest ToProto(std::string_view key, const TouchOptions& options);
v1::IncrementRequest ToProto(std::string_view key, const IncrementOptions& options);
v1::AppendRequest ToProto(std::string_view key, std::string_view bytes,
                          const AppendOptions& options);
v1::ScanRequest ToProto(const ScanOptions& options);
v1::SetConfigRequest ToProto(const std::vector<ConfigSetting>& settings);

// An answer that breaks the contract (no outcome, too few results) is INTERNAL.
absl::StatusOr<GetResult> FromProto(v1::GetResponse& response);
absl::StatusOr<SetResult> FromProto(v1::SetResponse& response);
absl::StatusOr<DeleteResult> FromProto(v1::DeleteResponse& response);
absl::StatusOr<LeaseResult> FromProto(v1::LeaseResponse& response);
absl::StatusOr<MultiGetResult> FromProto(v1::MultiGetResponse& response, size_t items);
absl::StatusOr<MultiSetResult> FromProto(v1::MultiSetResponse& response, size_t items);
absl::StatusOr<MultiDeleteResult> FromProto(v1::MultiDeleteResponse& response, size_t items);
absl::StatusOr<TouchResult> FromProto(v1::TouchResponse& response);
absl::StatusOr<IncrementResult> FromProto(v1::IncrementResponse& response);
absl::StatusOr<AppendResult> FromProto(v1::AppendResponse& response);
absl::StatusOr<ScanResult> FromProto(v1::ScanResponse& response);
absl::StatusOr<StatsResult> FromProto(v1::StatsResponse& response);
absl::StatusOr<FlushResult> FromProto(v1::FlushResponse& response);
absl::StatusOr<DigestResult> FromProto(v1::DigestResponse& response);
absl::StatusOr<ReplicaOfResult> FromProto(v1::ReplicaOfResponse& response);
absl::StatusOr<ReplicationResult> FromProto(v1::ReplicationResponse& response);
absl::StatusOr<GetConfigResult> FromProto(v1::GetConfigResponse& response);
absl::StatusOr<SetConfigResult> FromProto(v1::SetConfigResponse& response);

// Whether doing the call twice is the same as doing it once, the answer included; see client.h.
bool IsIdempotent(const SetOptions& options);
bool IsIdempotent(const DeleteOptions& options);

}  // namespace larder

#endif  // LARDER_CLIENT_MESSAGES_H_
