#ifndef LARDER_SERVER_HTTP_GZIP_TEXT_H_
#define LARDER_SERVER_HTTP_GZIP_TEXT_H_

#include <optional>
#include <string>
#include <string_view>

namespace larder::server {

// The text as gzip, quickly rather than as short as it can be. Absent: there is no memory for it.
std::optional<std::string> GzipText(std::string_view text);

}  // namespace larder::server

#endif  // LARDER_SERVER_HTTP_GZIP_TEXT_H_
