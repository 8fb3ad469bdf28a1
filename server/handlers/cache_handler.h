#ifndef LARDER_SERVER_HANDLERS_CACHE_HANDLER_H_
#define LARDER_SERVER_HANDLERS_CACHE_HANDLER_H_

#include <atomic>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/handlers/held_writes.h"
#include "server/handlers/lease_token_codec.h"
#include "server/handlers/limits.h"
#include "server/handlers/replica_acks.h"
#include "server/handlers/replicated_data.h"
#include "server/handlers/reply.h"
#include "server/handlers/request_views.h"
#include "server/handlers/scan_cursor_codec.h"
#include "server/handlers/served_keyspace.h"
#include "server/handlers/time_source.h"
#include "storage/keyspace.h"

namespace larder::server {

// The Cache methods that touch one key, and Scan: checks a request, runs it on the keyspace,
// answers through the reply. Knows no transport. Thread-safe; never blocks but on a stripe lock.
// Keyspace and time source must outlive it. Whoever overrides an operation decides where and when
// it runs.
class CacheHandler {
 public:
  CacheHandler(const ServedKeyspace* keyspace, const TimeSource* time, const Limits& limits,
               const LeaseTokenCodec& tokens);
  virtual ~CacheHandler() = default;

  void Get(const GetView& request, GetReply& reply) { GetFor("Get", request, Now(), reply); }
  void Set(const SetView& request, SetReply& reply) { SetFor("Set", request, reply); }
  void Delete(const DeleteView& request, DeleteReply& reply) {
    DeleteFor("Delete", request, reply);
  }
  virtual void Lease(const LeaseView& request, LeaseReply& reply);
  virtual void Touch(const TouchView& request, TouchReply& reply);
  virtual void Increment(const IncrementView& request, IncrementReply& reply);
  virtual void Append(const AppendView& request, AppendReply& reply);
  virtual void Scan(const ScanView& request, ScanReply& reply);

  // Says that operations on these keys come now, so that they need not wait for the memory one
  // after the other. Any bytes will do.
  void Prefetch(absl::Span<const std::string_view> keys) const;

  // From now on writes may wait for replicas, and need as many in time as `replicas_min`; those for
  // which the log has no room wait in `held`, or fail if there is none. Before the first request;
  // both outlive the handler, and are told the time of the handler's source.
  void SetReplicas(ReplicaAcks* acks, size_t replicas_min, HeldWrites* held = nullptr) {
    acks_ = acks;
    replicas_min_ = replicas_min;
    held_ = held;
  }

  // From now on a write tells its position, and a Get may ask for one. Before the first request;
  // `data` outlives the handler and is told the time of the handler's source.
  void SetReplicatedData(ReplicatedData* data) { data_ = data; }
  // Whether a replica's data is good enough for a Get that another node would be asked for, and has
  // the position that it asks for, or lost it for good (ordering.md rules 18 and 19).
  bool MayReadCopy(const GetView& request) const;

  const Limits& limits() const { return limits_; }
  // How many writes failed for want of memory.
  uint64_t refused_for_memory() const {
    return refused_for_memory_.load(std::memory_order_relaxed);
  }

  storage::TimePoint Now() const { return time_->Now(); }

  // Get, Set and Delete under the name of the operation that they are part of, a literal. The reply
  // may refuse a value: then it fails with RESOURCE_EXHAUSTED.
  virtual void GetFor(std::string_view operation, const GetView& request, storage::TimePoint now,
                      GetReply& reply);
  virtual void SetFor(std::string_view operation, const SetView& request, SetReply& reply);
  virtual void DeleteFor(std::string_view operation, const DeleteView& request, DeleteReply& reply);

 private:
  // Nullptr: none is served, and the reply has failed. UNAVAILABLE: nothing was done.
  template <typename Answer>
  storage::Keyspace* Served(std::string_view operation, Reply<Answer>& reply) const;
  // What a write that was stored waits for.
  struct AckWait {
    AckView ack;
    uint64_t opening;  // of ReplicaAcks, when it was made
    storage::TimePoint now;
  };

  // A Get that waits for a position.
  struct PositionWait {
    std::string_view operation;
    std::string key;
    cluster::Position position;
    storage::TimePoint deadline;
    GetReply* reply;  // open
  };
  // Answers from the keyspace what was checked.
  void Read(std::string_view operation, const storage::KeyRef& key, storage::TimePoint now,
            GetReply& reply);
  // Answers with data that is as `request` asks for.
  void ReadGuaranteed(std::string_view operation, const GetView& request,
                      const storage::KeyRef& key, storage::TimePoint now, GetReply& reply);
  void Await(PositionWait wait);
  // FAILED_PRECONDITION: too few replicas are in time for a write.
  absl::Status CheckReplicas(std::string_view operation) const;
  // A write that comes now has to wait until others have found room in the log.
  bool MustWait() const { return held_ != nullptr && held_->IsBehindOthers(); }
  // As Keyspace::Execute; room in the log that has come meanwhile was looked for again.
  template <typename Command>
  storage::Outcome Execute(storage::Keyspace* keyspace, Command& command, storage::TimePoint now);
  // Keeps the request until the log has room, and then runs `again` on it.
  template <typename View, typename ReplyType, typename Again>
  void Hold(std::string_view operation, const View& request, ReplyType& reply, Again again);
  // For a write that was not done: holds it, if it is for want of room in the log, or fails.
  template <typename View, typename ReplyType, typename Again>
  void NotDone(std::string_view operation, const storage::Outcome& outcome, const View& request,
               ReplyType& reply, Again again);

  auto SetAgain(std::string_view operation);
  // Stores what was checked, and answers.
  void Store(std::string_view operation, const storage::KeyRef& key, const SetView& request,
             storage::SetOptions options, storage::TimePoint now, SetReply& reply);
  // Answers, if the write was stored, when as many replicas have it as it asks for.
  void Acknowledge(std::string_view operation, const AckWait& wait, const SetAnswer& answer,
                   SetReply& reply);
  // What a valid SetView asks of the keyspace.
  absl::StatusOr<storage::SetOptions> CheckSet(std::string_view operation, const SetView& request,
                                               storage::TimePoint now) const;
  absl::StatusOr<storage::Condition> CheckCondition(std::string_view operation,
                                                    const ConditionView& condition) const;

  // An error of the keyspace as a client should see it.
  absl::Status FromStorage(std::string_view operation, const absl::Status& status);

  const ServedKeyspace* const served_;
  const TimeSource* const time_;
  const Limits limits_;
  const LeaseTokenCodec tokens_;
  const ScanCursorCodec cursors_;
  ReplicaAcks* acks_ = nullptr;     // nullptr: there are no replicas
  HeldWrites* held_ = nullptr;      // nullptr: writes do not wait for room in the log
  ReplicatedData* data_ = nullptr;  // nullptr: positions are not known here
  size_t replicas_min_ = 0;
  std::atomic<uint64_t> refused_for_memory_{0};
};

template <typename Answer>
storage::Keyspace* CacheHandler::Served(std::string_view operation, Reply<Answer>& reply) const {
  storage::Keyspace* const keyspace = served_->get();
  if (keyspace == nullptr) [[unlikely]] {
    reply.Fail(absl::UnavailableError(
        absl::StrCat(absl::string_view(operation.data(), operation.size()),
                     ": this node has no data yet: it takes a copy of another node's")));
  }
  return keyspace;
}

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_CACHE_HANDLER_H_
