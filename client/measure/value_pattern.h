#ifndef LARDER_CLIENT_MEASURE_VALUE_PATTERN_H_
#define LARDER_CLIENT_MEASURE_VALUE_PATTERN_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace larder::load {

// Fills `value` with `bytes` bytes that key and size determine and that do not compress.
void FillPattern(std::string_view key, size_t bytes, std::string& value);

// Whether `value` is what FillPattern made for this key and the value's own size: a value that is
// cut short, of another key or damaged is not.
bool MatchesPattern(std::string_view key, std::string_view value);

}  // namespace larder::load

#endif  // LARDER_CLIENT_MEASURE_VALUE_PATTERN_H_
