#ifndef LARDER_SERVER_HTTP_HTTP_PAGE_H_
#define LARDER_SERVER_HTTP_HTTP_PAGE_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace larder::server {

// What a page says at this moment.
struct HttpContent {
  int status = 200;
  std::string text;
};

// A page that GET and HEAD may ask for.
struct HttpPage {
  std::string path;  // "/healthz"
  std::string content_type;
  std::function<HttpContent()> read;
  // The text likewise, as gzip, for those who accept it; absent: not to be had now. Empty function:
  // the page is not worth it.
  std::function<std::optional<std::string>()> read_gzip = nullptr;
};

using HttpPages = std::vector<HttpPage>;

}  // namespace larder::server

#endif  // LARDER_SERVER_HTTP_HTTP_PAGE_H_
