#include "server/messages/message_views.h"

#include <optional>

#include "larder/v1/admin.pb.h"
#include "larder/v1/cache.pb.h"

namespace larder::server {
namespace {

WireDuration DurationOf(const google::protobuf::Duration& duration) {
  return {duration.seconds(), duration.nanos()};
}

ConditionView ConditionOf(const v1::SetRequest& request) {
  using Kind = ConditionView::Kind;
  switch (request.condition_case()) {
    case v1::SetRequest::kIfAbsent:
      return {.kind = Kind::kIfAbsent, .flag = request.if_absent()};
    case v1::SetRequest::kIfPresent:
      return {.kind = Kind::kIfPresent, .flag = request.if_present()};
    case v1::SetRequest::kIfVersion:
      return {.kind = Kind::kIfVersion, .version = request.if_version()};
    case v1::SetRequest::kLeaseToken:
      return {.kind = Kind::kLeaseToken, .lease_token = request.lease_token()};
    case v1::SetRequest::CONDITION_NOT_SET:
      break;
  }
  return {};
}

}  // namespace

GetView ViewOf(const v1::GetRequest& request) {
  GetView view{.key = request.key()};
  if (request.has_max_staleness()) view.max_staleness = DurationOf(request.max_staleness());
  if (request.has_min_position()) {
    const v1::Position& position = request.min_position();
    view.min_position = {.shard = position.shard(),
                         .term = position.epoch().term(),
                         .incarnation = position.epoch().incarnation(),
                         .node = position.epoch().node(),
                         .sequence = position.sequence()};
  }
  return view;
}

SetView ViewOf(const v1::SetRequest& request) {
  SetView view{.key = request.key(),
               .value = request.value(),
               .flags = request.flags(),
               .keep_ttl = request.keep_ttl(),
               .condition = ConditionOf(request),
               .ack = {.level = request.ack().level(), .replicas = request.ack().replicas()},
               .return_previous = request.return_previous()};
  if (request.has_ttl()) view.ttl = DurationOf(request.ttl());
  return view;
}

DeleteView ViewOf(const v1::DeleteRequest& request) {
  DeleteView view{.key = request.key()};
  if (request.has_if_version()) view.if_version = request.if_version();
  if (request.has_serve_stale_for()) view.serve_stale_for = DurationOf(request.serve_stale_for());
  return view;
}

LeaseView ViewOf(const v1::LeaseRequest& request) {
  LeaseView view{.key = request.key()};
  if (request.has_hold_for()) view.hold_for = DurationOf(request.hold_for());
  if (request.has_early_refresh_beta()) view.early_refresh_beta = request.early_refresh_beta();
  return view;
}

TouchView ViewOf(const v1::TouchRequest& request) {
  TouchView view{.key = request.key()};
  if (request.has_ttl()) view.ttl = DurationOf(request.ttl());
  return view;
}

IncrementView ViewOf(const v1::IncrementRequest& request) {
  IncrementView view{.key = request.key(), .delta = request.delta()};
  if (request.has_initial()) view.initial = request.initial();
  if (request.has_ttl()) view.ttl = DurationOf(request.ttl());
  return view;
}

AppendView ViewOf(const v1::AppendRequest& request) {
  AppendView view{
      .key = request.key(), .value = request.value(), .if_present = request.if_present()};
  if (request.has_ttl()) view.ttl = DurationOf(request.ttl());
  return view;
}

ScanView ViewOf(const v1::ScanRequest& request) {
  return {.cursor = request.cursor(),
          .prefix = request.prefix(),
          .limit = request.limit(),
          .keys_only = request.keys_only()};
}

SlotStatsView ViewOf(const v1::SlotStatsRequest& request) {
  SlotStatsView view{.first = request.first()};
  if (request.has_last()) view.last = request.last();
  return view;
}

FlushView ViewOf(const v1::FlushRequest& request) {
  FlushView view;
  if (request.has_slot()) view.slot = request.slot();
  return view;
}

DigestView ViewOf(const v1::DigestRequest& request) {
  DigestView view;
  if (request.has_slot()) view.slot = request.slot();
  return view;
}

ReplicaOfView ViewOf(const v1::ReplicaOfRequest& request) {
  return {.endpoint = request.endpoint()};
}

GetConfigView ViewOf(const v1::GetConfigRequest& request) { return {.name = request.name()}; }

SetConfigView ViewOf(const v1::SetConfigRequest& request) {
  SetConfigView view;
  for (const v1::ConfigValue& value : request.values()) {
    view.values.push_back({.name = value.name(), .value = value.value()});
  }
  return view;
}

}  // namespace larder::server
