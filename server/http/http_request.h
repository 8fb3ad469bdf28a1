#ifndef LARDER_SERVER_HTTP_HTTP_REQUEST_H_
#define LARDER_SERVER_HTTP_HTTP_REQUEST_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace larder::server {

// What a request's head says, as views of the bytes that were parsed.
struct HttpRequest {
  std::string_view method;
  std::string_view path;          // without query; empty: the target is "*" or an authority
  size_t body_bytes = 0;          // that follow the head
  bool keeps_connection = false;  // more requests may come on it
  bool accepts_gzip = false;
  bool awaits_continue = false;  // before it sends the body
};

// Why a request gets no page.
struct HttpRefusal {
  int status = 0;
  std::string reason;
};

// Parses a head that HttpHeadScanner has found whole, its request line to its empty line, by RFC
// 9112, but strictly: what may be read in two ways is refused. So is a body of more than
// `body_bytes_max`, and one whose length its head does not tell.
std::variant<HttpRequest, HttpRefusal> ParseHttpRequest(std::string_view head,
                                                        size_t body_bytes_max);

}  // namespace larder::server

#endif  // LARDER_SERVER_HTTP_HTTP_REQUEST_H_
