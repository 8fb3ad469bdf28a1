#include "server/messages/redirect.h"

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "larder/v1/error.pb.h"

namespace larder::server {
namespace {

constexpr char kPayloadTypeUrl[] = "larder.dev/redirect";

}  // namespace

absl::Status WithRedirect(absl::Status status, const Redirect& redirect) {
  v1::Redirect message;
  FillRedirect(redirect, &message);
  // A view: see retry_hint.cc.
  const std::string bytes = message.SerializeAsString();
  status.SetPayload(kPayloadTypeUrl, absl::Cord(absl::string_view(bytes)));
  return status;
}

std::optional<Redirect> RedirectOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayloadTypeUrl);
  v1::Redirect message;
  if (!payload.has_value() || !message.ParseFromString(std::string(*payload))) return std::nullopt;
  return RedirectOf(message);
}

void FillRedirect(const Redirect& redirect, v1::Redirect* message) {
  message->set_slot(redirect.slot);
  message->set_kind(redirect.kind == Redirect::Kind::kAsk ? v1::REDIRECT_KIND_ASK
                                                          : v1::REDIRECT_KIND_MOVED);
  message->set_endpoint(redirect.endpoint);
  message->set_topology_version(redirect.topology_version);
}

Redirect RedirectOf(const v1::Redirect& message) {
  return {.slot = message.slot(),
          .kind = message.kind() == v1::REDIRECT_KIND_ASK ? Redirect::Kind::kAsk
                                                          : Redirect::Kind::kMoved,
          .endpoint = message.endpoint(),
          .topology_version = message.topology_version()};
}

}  // namespace larder::server
