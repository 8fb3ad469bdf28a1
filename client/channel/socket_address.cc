#include "client/channel/socket_address.h"

#include <netdb.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace larder {
namespace {

constexpr absl::string_view kUnix = "unix:";

absl::StatusOr<std::vector<SocketAddress>> UnixAddress(absl::string_view path) {
  SocketAddress address{};
  auto* const name = reinterpret_cast<sockaddr_un*>(&address.storage);
  if (path.empty() || path.size() >= sizeof(name->sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("a socket's path must have 1..",
                                                   sizeof(name->sun_path) - 1, " bytes: ", path));
  }
  name->sun_family = AF_UNIX;
  std::memcpy(name->sun_path, path.data(), path.size());
  address.bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return std::vector<SocketAddress>{address};
}

absl::StatusOr<std::vector<SocketAddress>> Resolve(absl::string_view address, int flags) {
  if (absl::ConsumePrefix(&address, kUnix)) return UnixAddress(address);
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat("an address must be host:port: ", address));
  }
  const std::string host = HostOf(std::string(address));
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(host.c_str(), std::string(address.substr(colon + 1)).c_str(), &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(absl::StrCat("cannot find ", host, ": ", gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    SocketAddress one{};
    std::memcpy(&one.storage, each->ai_addr, each->ai_addrlen);
    one.bytes = each->ai_addrlen;
    addresses.push_back(one);
  }
  return addresses;
}

}  // namespace

absl::StatusOr<std::vector<SocketAddress>> ResolveAddress(const std::string& address) {
  return Resolve(address, 0);
}

bool IsNumericAddress(const std::string& address) {
  const auto resolved = Resolve(address, AI_NUMERICHOST);
  return resolved.ok() || absl::IsInvalidArgument(resolved.status());
}

void ResolveAddressInBackground(
    const std::string& address,
    std::function<void(absl::StatusOr<std::vector<SocketAddress>>)> done) {
  // Not to be joined: a name server that does not answer would hold up who waits for it.
  try {
    std::thread([address, done] { done(ResolveAddress(address)); }).detach();
  } catch (const std::system_error& error) {
    done(
        absl::UnavailableError(absl::StrCat("no thread to look up ", address, ": ", error.what())));
  }
}

std::string AuthorityOf(const std::string& address) {
  return absl::StartsWith(address, kUnix) ? "localhost" : address;
}

std::string HostOf(const std::string& address) {
  const std::string authority = AuthorityOf(address);
  absl::string_view host = absl::string_view(authority).substr(0, authority.rfind(':'));
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  return std::string(host);
}

}  // namespace larder
