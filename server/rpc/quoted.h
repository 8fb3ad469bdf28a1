#ifndef LARDER_SERVER_RPC_QUOTED_H_
#define LARDER_SERVER_RPC_QUOTED_H_

#include <algorithm>
#include <string>
#include <string_view>

namespace larder::server {

// What a client has sent, as part of a message: it may be long, and of any bytes.
inline std::string Quoted(std::string_view text) {
  constexpr size_t kBytesMax = 100;
  std::string quoted(text.substr(0, kBytesMax));
  std::replace_if(quoted.begin(), quoted.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text.size() > kBytesMax ? quoted + "..." : quoted;
}

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_QUOTED_H_
