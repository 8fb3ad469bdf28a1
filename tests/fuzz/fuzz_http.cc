// Requests to the metrics port: what is answered does not depend on the pieces in which they come,
// and what is kept of them has its bound. The first byte is the size of the pieces.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/http/gzip_text.h"
#include "server/http/http_connection.h"

namespace larder::server {
namespace {

std::string Answers(std::string_view sent, size_t piece_bytes) {
  static const HttpLimits limits = {.request_bytes_max = 512};
  static const HttpPages pages = {
      {.path = "/healthz",
       .content_type = "text/plain",
       .read = [] { return HttpContent{200, "ok\n"}; }},
      {.path = "/metrics",
       .content_type = "text/plain",
       .read = [] { return HttpContent{200, std::string(1000, 'm')}; },
       .read_gzip = [] { return GzipText(std::string(1000, 'm')); }},
  };
  HttpConnection connection(&limits, &pages);
  std::string answers;
  while (!connection.is_over()) {
    if (!connection.unsent().empty()) {
      answers += connection.unsent();
      connection.MarkSent(connection.unsent().size());
    } else if (connection.has_more()) {
      connection.Continue();
    } else if (sent.empty()) {
      connection.ReceiveEnd();
    } else {
      const size_t wanted = connection.wanted_bytes();
      if (wanted == 0 || wanted > limits.request_bytes_max) std::abort();
      const size_t bytes = std::min({piece_bytes, wanted, sent.size()});
      connection.Receive(sent.substr(0, bytes));
      sent.remove_prefix(bytes);
    }
  }
  return answers;
}

}  // namespace
}  // namespace larder::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view sent(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t piece_bytes = size_t{data[0]} + 1;
  if (larder::server::Answers(sent, piece_bytes) != larder::server::Answers(sent, size)) {
    std::abort();
  }
  return 0;
}
