#ifndef LARDER_SERVER_HANDLERS_REPLY_H_
#define LARDER_SERVER_HANDLERS_REPLY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "cluster/replication/position.h"
#include "storage/operations.h"

namespace larder::server {

// Where a handler puts its answer. A handler calls Complete or Fail exactly once before it returns,
// or Later, and does not touch the reply afterwards. Statuses are never OK; one with a retry hint
// carries it as a payload (retry_hint.h).
template <typename AnswerType>
class Reply {
 public:
  using Answer = AnswerType;

  virtual void Complete(const Answer& answer) = 0;
  virtual void Fail(const absl::Status& status) = 0;

  // Leaves the call open, before anything was given to this reply. Returns the one that is to be
  // completed in its place, once, on any thread, and that lives until then; OpenReply holds it. It
  // may be left open again. The views of the request go when the handler returns, or when the open
  // reply is completed if that is sooner.
  virtual Reply& Later() = 0;

 protected:
  ~Reply() = default;
};

// A reply that also takes a value, straight from the keyspace and before Complete. After Fail, what
// it took is not part of the answer.
template <typename Answer>
class ValueReply : public Reply<Answer>, public storage::ValueSink {
 public:
  ValueReply& Later() override = 0;

 protected:
  ~ValueReply() = default;
};

// The right, and the duty, to complete a call that was left open. Movable, to any thread. One that
// is dropped fails its call.
template <typename ReplyType>
class OpenReply {
 public:
  // Leaves the call open.
  explicit OpenReply(ReplyType& reply) : reply_(&reply.Later()) {}
  OpenReply(OpenReply&& other) noexcept : reply_(std::exchange(other.reply_, nullptr)) {}
  OpenReply& operator=(OpenReply&&) = delete;
  ~OpenReply() {
    if (reply_ != nullptr) reply_->Fail(absl::InternalError("the operation was given up"));
  }

  // The reply, which the caller completes. Once.
  ReplyType& Take() { return *std::exchange(reply_, nullptr); }

 private:
  ReplyType* reply_;
};

// The reply to a call over many keys: each item's own reply is completed or left open first, in
// order, then the call as a whole, which is answered when its last item is. Fail means that no item
// was touched.
template <typename ItemReply>
class MultiReply {
 public:
  virtual ItemReply& Item(size_t index) = 0;
  // Asked between items, now and then. True: others are to have their turn; the handler returns,
  // and is called again later with the same items and progress, and a reply to the same call.
  virtual bool Pause() { return false; }
  virtual void Complete() = 0;
  virtual void Fail(const absl::Status& status) = 0;

 protected:
  ~MultiReply() = default;
};

// Answers of the Cache service. Values are not here: the reply has taken them.

struct GetAnswer {
  bool found = false;  // then the reply has the value and its EntryInfo
};

struct SetAnswer {
  storage::SetResult result;  // with return_previous, the reply has the value if there was one
  std::optional<cluster::Position> position = {};  // if it was stored and a log is kept
};

using DeleteAnswer = storage::DeleteResult;

struct LeaseAnswer {
  storage::LeaseResult::Kind kind = storage::LeaseResult::Kind::kHit;
  std::string_view token;          // kGranted
  storage::TimePoint deadline;     // kGranted
  bool early = false;              // kGranted
  storage::Millis retry_after{0};  // kHeld
  bool has_value = false;          // the reply has a value: live for kHit and early, else stale
};

struct TouchAnswer {
  bool found = false;
  uint64_t version = 0;
  storage::TimePoint expires_at = storage::kNever;
};

using IncrementAnswer = storage::IncrementResult;
using AppendAnswer = storage::AppendResult;

struct ScanAnswer {
  std::string_view next_cursor;  // empty: the walk is complete
};

using GetReply = ValueReply<GetAnswer>;
using SetReply = ValueReply<SetAnswer>;
using DeleteReply = Reply<DeleteAnswer>;
using LeaseReply = ValueReply<LeaseAnswer>;
using TouchReply = Reply<TouchAnswer>;
using IncrementReply = Reply<IncrementAnswer>;
using AppendReply = Reply<AppendAnswer>;

using MultiGetReply = MultiReply<GetReply>;
using MultiSetReply = MultiReply<SetReply>;
using MultiDeleteReply = MultiReply<DeleteReply>;

// Takes entries from the keyspace, before Complete.
class ScanReply : public Reply<ScanAnswer>, public storage::ScanSink {
 public:
  ScanReply& Later() override = 0;

 protected:
  ~ScanReply() = default;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_REPLY_H_
