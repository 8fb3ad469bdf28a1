#include "cluster/wire/enum_codec.h"

#include <cstddef>
#include <utility>

#include "larder/peer/v1/replication.pb.h"

namespace larder::cluster {
namespace {

namespace v1 = peer::v1;

constexpr std::pair<Welcome::Kind, v1::StreamKind> kKinds[] = {
    {Welcome::Kind::kContinue, v1::STREAM_KIND_CONTINUE},
    {Welcome::Kind::kCopyAnew, v1::STREAM_KIND_COPY_ANEW},
    {Welcome::Kind::kCopyOnward, v1::STREAM_KIND_COPY_ONWARD},
    {Welcome::Kind::kCopyAgain, v1::STREAM_KIND_COPY_AGAIN},
};
constexpr std::pair<Refuse::Reason, v1::RefuseReason> kReasons[] = {
    {Refuse::Reason::kVersion, v1::REFUSE_REASON_VERSION},
    {Refuse::Reason::kSelf, v1::REFUSE_REASON_SELF},
    {Refuse::Reason::kCycle, v1::REFUSE_REASON_CYCLE},
    {Refuse::Reason::kFenced, v1::REFUSE_REASON_FENCED},
    {Refuse::Reason::kTooManyReplicas, v1::REFUSE_REASON_TOO_MANY_REPLICAS},
    {Refuse::Reason::kNotReady, v1::REFUSE_REASON_NOT_READY},
    {Refuse::Reason::kRestartedEmpty, v1::REFUSE_REASON_RESTARTED_EMPTY},
    {Refuse::Reason::kTakeOver, v1::REFUSE_REASON_TAKE_OVER},
    {Refuse::Reason::kStopped, v1::REFUSE_REASON_STOPPED},
};

template <typename Ours, typename Theirs, size_t kCount>
Theirs Encode(const std::pair<Ours, Theirs> (&table)[kCount], Ours value) {
  for (const auto& [ours, theirs] : table) {
    if (ours == value) return theirs;
  }
  return Theirs{};
}

template <typename Ours, typename Theirs, size_t kCount>
std::optional<Ours> Decode(const std::pair<Ours, Theirs> (&table)[kCount], Theirs value) {
  for (const auto& [ours, theirs] : table) {
    if (theirs == value) return ours;
  }
  return std::nullopt;
}

}  // namespace

v1::StreamKind EncodeKind(Welcome::Kind kind) { return Encode(kKinds, kind); }

std::optional<Welcome::Kind> DecodeKind(v1::StreamKind kind) { return Decode(kKinds, kind); }

v1::RefuseReason EncodeReason(Refuse::Reason reason) { return Encode(kReasons, reason); }

std::optional<Refuse::Reason> DecodeReason(v1::RefuseReason reason) {
  return Decode(kReasons, reason);
}

}  // namespace larder::cluster
