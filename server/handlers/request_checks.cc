#include "server/handlers/request_checks.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cluster/hash_slot.h"
#include "server/handlers/node_id_bytes.h"

namespace larder::server {
namespace {

constexpr int32_t kNanosPerSecond = 1000000000;

// absl's own string_view is another type in Debian's build.
absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

absl::Status Invalid(std::string_view operation, std::string_view field, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(View(operation), ": ", View(field), " ", View(what)));
}

// INVALID_ARGUMENT: not a well formed google.protobuf.Duration.
absl::StatusOr<absl::Duration> WellFormed(std::string_view operation, std::string_view field,
                                          const WireDuration& duration) {
  const bool signs_differ =
      (duration.seconds > 0 && duration.nanos < 0) || (duration.seconds < 0 && duration.nanos > 0);
  if (duration.nanos <= -kNanosPerSecond || duration.nanos >= kNanosPerSecond || signs_differ) {
    return Invalid(
        operation, field,
        absl::StrCat("is malformed: seconds ", duration.seconds, ", nanos ", duration.nanos,
                     "; nanos must be within +-999999999 and have the sign of seconds"));
  }
  return absl::Seconds(duration.seconds) + absl::Nanoseconds(duration.nanos);
}

}  // namespace

absl::StatusOr<storage::KeyRef> CheckKey(std::string_view operation, std::string_view key,
                                         const Limits& limits) {
  if (key.empty()) {
    return Invalid(operation, "key",
                   absl::StrCat("is empty; it must have 1 to ", limits.max_key_bytes,
                                " bytes (--max_key_bytes)"));
  }
  if (key.size() > limits.max_key_bytes) {
    return Invalid(operation, "key",
                   absl::StrCat("has ", key.size(), " bytes, more than the limit ",
                                limits.max_key_bytes, " (--max_key_bytes)"));
  }
  return storage::KeyRef{cluster::HashSlot(key), key};
}

absl::Status CheckValue(std::string_view operation, std::string_view value, const Limits& limits) {
  if (value.size() <= limits.max_value_bytes) return absl::OkStatus();
  return Invalid(operation, "value",
                 absl::StrCat("has ", value.size(), " bytes, more than the limit ",
                              limits.max_value_bytes, " (--max_value_bytes)"));
}

absl::StatusOr<storage::Millis> CheckDuration(std::string_view operation, std::string_view field,
                                              const WireDuration& duration, DurationBound bound) {
  const absl::StatusOr<absl::Duration> given = WellFormed(operation, field, duration);
  if (!given.ok()) return given.status();
  if (*given <= absl::ZeroDuration()) {
    return Invalid(operation, field,
                   absl::StrCat("is ", absl::FormatDuration(*given),
                                "; it must be more than 0 and "
                                "at most ",
                                absl::FormatDuration(bound.max), " (", View(bound.flag), ")"));
  }
  if (*given > bound.max) {
    return Invalid(operation, field,
                   absl::StrCat("is ", absl::FormatDuration(*given), ", more than the limit ",
                                absl::FormatDuration(bound.max), " (", View(bound.flag), ")"));
  }
  return storage::Millis(absl::ToInt64Milliseconds(absl::Ceil(*given, absl::Milliseconds(1))));
}

absl::StatusOr<storage::TimePoint> CheckTtl(std::string_view operation,
                                            const std::optional<WireDuration>& ttl,
                                            storage::TimePoint now, const Limits& limits) {
  if (!ttl.has_value()) {
    if (limits.default_ttl == absl::InfiniteDuration()) return storage::kNever;
    return now + storage::Millis(absl::ToInt64Milliseconds(limits.default_ttl));
  }
  const absl::StatusOr<storage::Millis> millis =
      CheckDuration(operation, "ttl", *ttl, {limits.max_ttl, "--max_ttl"});
  if (!millis.ok()) return millis.status();
  return now + *millis;
}

absl::Status CheckAck(std::string_view operation, const AckView& ack, size_t replicas_in_time) {
  constexpr int32_t kDisk = AckView::kDisk;
  constexpr int32_t kReplicas = AckView::kReplicas;
  if (ack.level < 0 || ack.level > kReplicas) {
    return Invalid(operation, "ack.level",
                   absl::StrCat("is ", ack.level, ", which is not an AckLevel (0 to 3)"));
  }
  if (ack.level != kReplicas && ack.replicas != 0) {
    return Invalid(
        operation, "ack.replicas",
        absl::StrCat("is ", ack.replicas, "; it must be 0 with any level but ACK_LEVEL_REPLICAS"));
  }
  if (ack.level == kReplicas && ack.replicas == 0) {
    return Invalid(operation, "ack.replicas", "is 0; ACK_LEVEL_REPLICAS needs at least 1");
  }
  if (ack.level == kDisk) {
    return absl::FailedPreconditionError(
        absl::StrCat(View(operation),
                     ": ACK_LEVEL_DISK needs durable storage, which this node does "
                     "not have; nothing was written"));
  }
  if (ack.level == kReplicas && ack.replicas > replicas_in_time) {
    return absl::FailedPreconditionError(absl::StrCat(
        View(operation), ": ACK_LEVEL_REPLICAS asks for ", ack.replicas,
        " replicas, this shard has ", replicas_in_time, " in time; nothing was written"));
  }
  // 1, ACK_LEVEL_MEMORY, which 0 stands for, too.
  return absl::OkStatus();
}

absl::StatusOr<ReadGuarantees> CheckReadGuarantees(std::string_view operation,
                                                   const GetView& view) {
  ReadGuarantees guarantees;
  if (view.max_staleness.has_value()) {
    const absl::StatusOr<absl::Duration> given =
        WellFormed(operation, "max_staleness", *view.max_staleness);
    if (!given.ok()) return given.status();
    if (*given < absl::ZeroDuration()) {
      return Invalid(
          operation, "max_staleness",
          absl::StrCat("is ", absl::FormatDuration(*given), "; it must not be negative"));
    }
    guarantees.max_staleness = *given;
  }
  if (!view.min_position.has_value()) return guarantees;
  const PositionView& position = *view.min_position;
  const std::optional<cluster::NodeId> node = ReadNodeId(position.node);
  if (position.shard != 0 || position.term == 0 || position.sequence == 0 || !node.has_value() ||
      !node->is_set()) {
    return Invalid(operation, "min_position",
                   absl::StrCat("is none that a node has given: shard ", position.shard,
                                ", epoch term ", position.term, ", epoch node of ",
                                position.node.size(), " bytes, sequence ", position.sequence));
  }
  guarantees.min_position =
      cluster::Position{{position.term, position.incarnation, *node}, position.sequence};
  return guarantees;
}

absl::Status CheckVersion(std::string_view operation, uint64_t if_version) {
  if (if_version != 0) return absl::OkStatus();
  return Invalid(operation, "if_version", "is 0, which no entry has");
}

absl::StatusOr<double> CheckEarlyRefreshBeta(std::string_view operation,
                                             const std::optional<double>& beta,
                                             const Limits& limits) {
  if (!beta.has_value()) return limits.early_refresh_beta;
  if (std::isnan(*beta) || *beta < 0 || *beta > kEarlyRefreshBetaMax) {
    return Invalid(operation, "early_refresh_beta",
                   absl::StrCat("is ", *beta, "; it must be 0 to ", kEarlyRefreshBetaMax));
  }
  return *beta;
}

absl::Status CheckItems(std::string_view operation, size_t items, const Limits& limits) {
  if (items == 0) {
    return Invalid(operation, "items",
                   absl::StrCat("is empty; there must be 1 to ", limits.max_multi_items,
                                " (--max_multi_items)"));
  }
  if (items > limits.max_multi_items) {
    return Invalid(operation, "items",
                   absl::StrCat("has ", items, " items, more than the limit ",
                                limits.max_multi_items, " (--max_multi_items)"));
  }
  return absl::OkStatus();
}

absl::Status CheckConfigValues(std::string_view operation, size_t values) {
  if (values == 0) {
    return Invalid(operation, "values",
                   absl::StrCat("is empty; there must be 1 to ", kConfigValuesMax));
  }
  if (values <= kConfigValuesMax) return absl::OkStatus();
  return Invalid(operation, "values",
                 absl::StrCat("has more items than the limit ", kConfigValuesMax));
}

absl::Status CheckEndpoint(std::string_view operation, std::string_view field,
                           std::string_view endpoint) {
  if (endpoint.size() > kEndpointBytesMax) {
    return Invalid(
        operation, field,
        absl::StrCat("has ", endpoint.size(), " bytes, more than the limit ", kEndpointBytesMax));
  }
  const bool is_plain = std::all_of(endpoint.begin(), endpoint.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c));
  });
  if (is_plain) return absl::OkStatus();
  return Invalid(operation, field, "has a byte that is no letter, digit or sign of ASCII");
}

absl::Status CheckSlot(std::string_view operation, std::string_view field, uint32_t slot) {
  if (slot < storage::kSlots) return absl::OkStatus();
  return Invalid(operation, field,
                 absl::StrCat("is ", slot, "; slots are 0 to ", storage::kSlots - 1));
}

}  // namespace larder::server
