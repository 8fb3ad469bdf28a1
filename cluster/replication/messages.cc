#include "cluster/replication/messages.h"

#include "absl/strings/str_cat.h"

namespace larder::cluster {
namespace {

std::string TextOf(const Hello& hello) {
  return absl::StrCat("Hello by ", hello.node.ToText(), " fence ", hello.fence.ToText(), " at ",
                      hello.position.has_value() ? hello.position->ToText() : "nothing",
                      hello.commanded ? ", commanded" : "",
                      hello.wants_copy ? ", wants a copy" : "",
                      hello.copy.has_value() ? ", with a copy cut at " : "",
                      hello.copy.has_value() ? hello.copy->position.ToText() : "");
}

std::string TextOf(const Ack& ack) {
  return absl::StrCat("Ack ", ack.applied.has_value() ? ack.applied->ToText() : "of a copy",
                      " asks ", ack.heartbeat_asked);
}

std::string_view KindText(Welcome::Kind kind) {
  switch (kind) {
    case Welcome::Kind::kContinue:
      return "continue";
    case Welcome::Kind::kCopyAnew:
      return "copy anew";
    case Welcome::Kind::kCopyOnward:
      return "copy onward";
    case Welcome::Kind::kCopyAgain:
      return "copy again";
  }
  return "unknown";
}

std::string TextOf(const Welcome& welcome) {
  const std::string_view kind = KindText(welcome.kind);
  return absl::StrCat("Welcome ", absl::string_view(kind.data(), kind.size()), " from ",
                      welcome.from, " epoch ", welcome.epoch.ToText());
}

std::string TextOf(const Refuse& refuse) {
  const std::string_view reason = RefuseReasonText(refuse.reason);
  return absl::StrCat("Refuse ", absl::string_view(reason.data(), reason.size()), " (",
                      refuse.detail, ")");
}

std::string TextOf(const EpochBegins& begins) {
  return absl::StrCat("EpochBegins ", begins.epoch.ToText(), " at ", begins.first);
}

std::string TextOf(const LogBatch& batch) {
  return absl::StrCat("LogBatch ", batch.from, "..", batch.to, " (", batch.payload.size(),
                      " bytes)");
}

std::string TextOf(const CopyChunk& chunk) {
  return absl::StrCat("CopyChunk at ", chunk.position, chunk.keep ? ", kept" : "", " (",
                      chunk.payload.size(), " bytes)");
}

std::string TextOf(const CopyEnd& end) { return absl::StrCat("CopyEnd ", end.position); }

std::string TextOf(const Heartbeat& heartbeat) {
  return absl::StrCat("Heartbeat ", heartbeat.number, " end ", heartbeat.log_end);
}

}  // namespace

std::string_view RefuseReasonText(Refuse::Reason reason) {
  switch (reason) {
    case Refuse::Reason::kVersion:
      return "another version of the protocol";
    case Refuse::Reason::kSelf:
      return "the same node id";
    case Refuse::Reason::kCycle:
      return "the source follows the replica";
    case Refuse::Reason::kFenced:
      return "the replica is bound to a higher epoch";
    case Refuse::Reason::kTooManyReplicas:
      return "as many replicas as may be";
    case Refuse::Reason::kNotReady:
      return "the source is not ready";
    case Refuse::Reason::kRestartedEmpty:
      return "the source began empty, the replica has data";
    case Refuse::Reason::kTakeOver:
      return "the replica has more than the source";
    case Refuse::Reason::kStopped:
      return "the source knows of a higher epoch than its own";
  }
  return "unknown";
}

std::string MessageText(const ReplicaMessage& message) {
  return std::visit([](const auto& one) { return TextOf(one); }, message);
}

std::string MessageText(const SourceMessage& message) {
  return std::visit([](const auto& one) { return TextOf(one); }, message);
}

}  // namespace larder::cluster
