#include "client/channel/channel_link.h"

#include "absl/strings/str_cat.h"

namespace larder {

bool ChannelLoop::Link::has_output() const {
  if (tls == nullptr) return !rpc.output().empty();
  return !tls->output().empty() || (tls->can_send() && !rpc.output().empty());
}

void ChannelLoop::Link::DropOutput() {
  rpc.output().MarkSent(rpc.output().size());
  if (tls != nullptr) tls->output().MarkSent(tls->output().size());
}

std::string ChannelLoop::Link::WhyBroken(std::string_view what) const {
  if (!rpc.failure().empty()) return absl::StrCat("the connection was closed: ", rpc.failure());
  return absl::StrCat("the connection broke: ", std::string(what),
                      rpc.is_established() ? ""
                      : is_in_handshake()  ? " in the TLS handshake"
                                           : ", which has not spoken HTTP/2");
}

std::string ChannelLoop::Link::WhyFailed() const {
  if (tls != nullptr && !tls->failure().empty()) return tls->failure();
  return absl::StrCat("the connection failed: ", rpc.failure());
}

}  // namespace larder
