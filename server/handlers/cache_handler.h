#ifndef LARDER_SERVER_HANDLERS_CACHE_HANDLER_H_
#define LARDER_SERVER_HANDLERS_CACHE_HANDLER_H_

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/handlers/lease_token_codec.h"
#include "server/handlers/limits.h"
#include "server/handlers/reply.h"
#include "server/handlers/request_views.h"
#include "server/handlers/scan_cursor_codec.h"
#include "server/handlers/time_source.h"
#include "storage/keyspace.h"

namespace larder::server {

// The Cache methods that touch one key, and Scan: checks a request, runs it on the keyspace,
// answers through the reply. Knows no transport. Thread-safe; never blocks but on a stripe lock.
// Keyspace and time source must outlive it.
class CacheHandler {
 public:
  CacheHandler(storage::Keyspace* keyspace, const TimeSource* time, const Limits& limits,
               const LeaseTokenCodec& tokens);

  void Get(const GetView& request, GetReply& reply) {
    GetThrough(reply, "Get", request, Now(), reply);
  }
  void Set(const SetView& request, SetReply& reply) { SetFor("Set", request, reply); }
  void Delete(const DeleteView& request, DeleteReply& reply) {
    DeleteFor("Delete", request, reply);
  }
  void Lease(const LeaseView& request, LeaseReply& reply);
  void Touch(const TouchView& request, TouchReply& reply);
  void Increment(const IncrementView& request, IncrementReply& reply);
  void Append(const AppendView& request, AppendReply& reply);
  void Scan(const ScanView& request, ScanReply& reply);

  // Says that operations on these keys come now, so that they need not wait for the memory one
  // after the other. Any bytes will do.
  void Prefetch(absl::Span<const std::string_view> keys) const;

  const Limits& limits() const { return limits_; }

  // As Get, for `operation`, but the value goes through `sink`, which may refuse it: then the reply
  // fails with RESOURCE_EXHAUSTED.
  void GetThrough(storage::ValueSink& sink, std::string_view operation, const GetView& request,
                  storage::TimePoint now, GetReply& reply);
  storage::TimePoint Now() const { return time_->Now(); }

  // Set and Delete under the name of the operation that they are part of.
  void SetFor(std::string_view operation, const SetView& request, SetReply& reply);
  void DeleteFor(std::string_view operation, const DeleteView& request, DeleteReply& reply);

 private:
  // What a valid SetView asks of the keyspace.
  absl::StatusOr<storage::SetOptions> CheckSet(std::string_view operation, const SetView& request,
                                               storage::TimePoint now) const;
  absl::StatusOr<storage::Condition> CheckCondition(std::string_view operation,
                                                    const ConditionView& condition) const;

  // An error of the keyspace as a client should see it.
  absl::Status FromStorage(std::string_view operation, const absl::Status& status) const;

  storage::Keyspace* const keyspace_;
  const TimeSource* const time_;
  const Limits limits_;
  const LeaseTokenCodec tokens_;
  const ScanCursorCodec cursors_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_CACHE_HANDLER_H_
