// How CacheHandler reads one key: what it asks of the data that answers, and waits for.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "cluster/hash_slot.h"
#include "server/handlers/cache_handler.h"
#include "server/handlers/node_id_bytes.h"
#include "server/handlers/request_checks.h"
#include "server/handlers/retry_hint.h"

namespace larder::server {
namespace {

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

void CacheHandler::Prefetch(absl::Span<const std::string_view> keys) const {
  constexpr size_t kAtOnce = 16;
  const storage::Keyspace* const keyspace = served_->get();
  if (keyspace == nullptr) return;
  std::array<storage::KeyRef, kAtOnce> refs;
  while (!keys.empty()) {
    const size_t count = std::min(kAtOnce, keys.size());
    size_t valid = 0;
    for (const std::string_view key : keys.first(count)) {
      if (key.empty() || key.size() > limits_.max_key_bytes) continue;
      refs[valid++] = {cluster::HashSlot(key), key};
    }
    keyspace->Prefetch({refs.data(), valid});
    keys.remove_prefix(count);
  }
}

void CacheHandler::GetFor(std::string_view operation, const GetView& request,
                          storage::TimePoint now, GetReply& reply) {
  const auto key = CheckKey(operation, request.key, limits_);
  if (!key.ok()) return reply.Fail(key.status());
  if (request.max_staleness.has_value() || request.min_position.has_value()) [[unlikely]] {
    return ReadGuaranteed(operation, request, *key, now, reply);
  }
  Read(operation, *key, now, reply);
}

bool CacheHandler::MayReadCopy(const GetView& request) const {
  if (data_ == nullptr || !request.max_staleness.has_value()) return false;
  const auto asked = CheckReadGuarantees("Get", request);
  const auto staleness = data_->Staleness();
  if (!asked.ok() || !staleness.has_value()) return false;
  if (absl::FromChrono(*staleness) > *asked->max_staleness) return false;
  if (!asked->min_position.has_value()) return true;
  const ReplicatedData::Reach reach = data_->Reached(*asked->min_position);
  return reach == ReplicatedData::Reach::kReached || reach == ReplicatedData::Reach::kLost;
}

void CacheHandler::ReadGuaranteed(std::string_view operation, const GetView& request,
                                  const storage::KeyRef& key, storage::TimePoint now,
                                  GetReply& reply) {
  const auto asked = CheckReadGuarantees(operation, request);
  if (!asked.ok()) return reply.Fail(asked.status());
  if (!asked->min_position.has_value()) return Read(operation, key, now, reply);
  if (data_ == nullptr) {
    return reply.Fail(absl::FailedPreconditionError(absl::StrCat(
        View(operation), ": min_position needs a mutation log, which this node does not keep")));
  }
  const cluster::Position& position = *asked->min_position;
  switch (data_->Reached(position)) {
    case ReplicatedData::Reach::kReached:
      return Read(operation, key, now, reply);
    case ReplicatedData::Reach::kLost:
      return reply.Fail(absl::FailedPreconditionError(absl::StrCat(
          View(operation), ": min_position ", position.ToText(),
          " was lost: the data of this shard goes on from before it under a later epoch")));
    case ReplicatedData::Reach::kUnknown:
      return reply.Fail(absl::FailedPreconditionError(
          absl::StrCat(View(operation), ": min_position ", position.ToText(),
                       " is of an epoch so old that nobody knows any more whether it was kept")));
    case ReplicatedData::Reach::kNotYet:
      break;
  }
  OpenReply<GetReply> open(reply);
  const auto timeout = storage::Millis(absl::ToInt64Milliseconds(limits_.min_position_timeout));
  Await({.operation = operation,
         .key = std::string(key.key),
         .position = position,
         .deadline = now + timeout,
         .reply = &open.Take()});
}

void CacheHandler::Await(PositionWait wait) {
  using Result = storage::PositionWaiters::Result;
  const auto look = [this, wait](Result result) {
    if (data_->Reached(wait.position) == ReplicatedData::Reach::kNotYet) {
      if (result != Result::kTimedOut) return Await(wait);
      return wait.reply->Fail(absl::DeadlineExceededError(absl::StrCat(
          View(wait.operation), ": min_position ", wait.position.ToText(),
          " was not reached within ", absl::FormatDuration(limits_.min_position_timeout),
          " (--min_position_timeout)")));
    }
    const cluster::Epoch& epoch = wait.position.epoch;
    std::array<char, kNodeIdBytes> node;
    WriteNodeId(epoch.node, node.data());
    const GetView again{.key = wait.key,
                        .min_position = PositionView{.term = epoch.term,
                                                     .incarnation = epoch.incarnation,
                                                     .node = {node.data(), node.size()},
                                                     .sequence = wait.position.sequence}};
    ReadGuaranteed(wait.operation, again, {cluster::HashSlot(wait.key), wait.key}, time_->Now(),
                   *wait.reply);
  };
  if (data_->Wait(wait.position, wait.deadline, look)) return;
  wait.reply->Fail(
      absl::UnavailableError(absl::StrCat(View(wait.operation), ": the node shuts down")));
}

void CacheHandler::Read(std::string_view operation, const storage::KeyRef& key,
                        storage::TimePoint now, GetReply& reply) {
  storage::Keyspace* const keyspace = Served(operation, reply);
  if (keyspace == nullptr) return;
  switch (keyspace->Get(key, now, reply)) {
    case storage::GetOutcome::kMiss:
      return reply.Complete({.found = false});
    case storage::GetOutcome::kHit:
      return reply.Complete({.found = true});
    case storage::GetOutcome::kNotOwner:
      return reply.Fail(absl::FailedPreconditionError(
          absl::StrCat(View(operation), ": another node owns the slot of this key")));
    case storage::GetOutcome::kRefused:
      return reply.Fail(WithRetryHint(
          absl::ResourceExhaustedError(absl::StrCat(
              View(operation), ": the answer would have more than the limit ",
              limits_.max_response_bytes, " bytes (--max_response_bytes); ask for this key again")),
          absl::ZeroDuration()));
  }
}

}  // namespace larder::server
