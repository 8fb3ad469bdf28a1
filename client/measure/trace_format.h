#ifndef LARDER_CLIENT_MEASURE_TRACE_FORMAT_H_
#define LARDER_CLIENT_MEASURE_TRACE_FORMAT_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace larder::load {

// What a file is by its first bytes, as far as a reader of text has to know.
struct TraceFormat {
  enum class Kind : uint8_t {
    kText,     // or nothing that is known
    kXz,       // packed, and can be unpacked
    kForeign,  // neither
  };

  Kind kind = Kind::kText;
  const char* name = "text";  // "a gzip file"
};

// Nothing: more bytes are needed to tell, of which there are some unless `is_all`.
std::optional<TraceFormat> DetectTraceFormat(std::string_view begin, bool is_all);

// The first byte that no text has: control characters but the tab. Other bytes may be of any
// encoding that has ASCII in it.
std::optional<uint8_t> FindNonText(std::string_view line);

}  // namespace larder::load

#endif  // LARDER_CLIENT_MEASURE_TRACE_FORMAT_H_
