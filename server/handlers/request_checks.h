#ifndef LARDER_SERVER_HANDLERS_REQUEST_CHECKS_H_
#define LARDER_SERVER_HANDLERS_REQUEST_CHECKS_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cluster/replication/position.h"
#include "server/handlers/limits.h"
#include "server/handlers/request_views.h"
#include "storage/operations.h"

namespace larder::server {

// The checks of untrusted request fields, all of them, following the comments of cache.proto.
// Every error but where stated is INVALID_ARGUMENT and names the operation, the field, the limit
// and its flag, and the given value only where it is a number.

// The upper bound of a duration field, and the flag that sets it.
struct DurationBound {
  absl::Duration max;
  std::string_view flag;
};

// The key of an operation with its slot.
absl::StatusOr<storage::KeyRef> CheckKey(std::string_view operation, std::string_view key,
                                         const Limits& limits);

absl::Status CheckValue(std::string_view operation, std::string_view value, const Limits& limits);

// More than 0 and at most the bound; rounded up to the millisecond.
absl::StatusOr<storage::Millis> CheckDuration(std::string_view operation, std::string_view field,
                                              const WireDuration& duration, DurationBound bound);

// When an entry that is written now expires; an absent ttl is --default_ttl.
absl::StatusOr<storage::TimePoint> CheckTtl(std::string_view operation,
                                            const std::optional<WireDuration>& ttl,
                                            storage::TimePoint now, const Limits& limits);

// FAILED_PRECONDITION: the level needs storage or replicas that a single node does not have.
absl::Status CheckAck(std::string_view operation, const AckView& ack, size_t replicas_in_time);

// What a Get asks of the data that answers it.
struct ReadGuarantees {
  std::optional<absl::Duration> max_staleness;
  std::optional<cluster::Position> min_position;
};
absl::StatusOr<ReadGuarantees> CheckReadGuarantees(std::string_view operation, const GetView& view);

absl::Status CheckVersion(std::string_view operation, uint64_t if_version);

absl::StatusOr<double> CheckEarlyRefreshBeta(std::string_view operation,
                                             const std::optional<double>& beta,
                                             const Limits& limits);

absl::Status CheckItems(std::string_view operation, size_t items, const Limits& limits);

// More flags than there are; one request can not make millions of views. There is no flag for it.
inline constexpr size_t kConfigValuesMax = 100;

// The number of flags that a SetConfig names.
absl::Status CheckConfigValues(std::string_view operation, size_t values);

// The longest HOST:PORT@BUS_PORT: a host name has 253 bytes at most. There is no flag for it.
inline constexpr size_t kEndpointBytesMax = 280;

// The length of an address, and that no byte of it would be an order to whoever reads it in a log.
absl::Status CheckEndpoint(std::string_view operation, std::string_view field,
                           std::string_view endpoint);

absl::Status CheckSlot(std::string_view operation, std::string_view field, uint32_t slot);

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_REQUEST_CHECKS_H_
