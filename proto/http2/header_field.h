#ifndef LARDER_PROTO_HTTP2_HEADER_FIELD_H_
#define LARDER_PROTO_HTTP2_HEADER_FIELD_H_

#include <cstddef>
#include <string_view>

namespace larder::http2 {

// What a field counts beside its name and value (RFC 9113, section 6.5.2).
inline constexpr size_t kFieldOverheadBytes = 32;

// Whether a decoded field may stand in a header or trailer section of HTTP/2 (RFC 9113, section
// 8.2): a lower-case name without a colon in front, a valid value, nothing of HTTP/1's connections.
bool IsRegularField(std::string_view name, std::string_view value);

bool IsValidFieldValue(std::string_view value);

}  // namespace larder::http2

#endif  // LARDER_PROTO_HTTP2_HEADER_FIELD_H_
