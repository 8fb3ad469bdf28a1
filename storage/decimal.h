#ifndef LARDER_STORAGE_DECIMAL_H_
#define LARDER_STORAGE_DECIMAL_H_

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace larder::storage {

// The digits of a number, in place.
class Digits {
 public:
  static constexpr size_t kBytesMax = 20;  // of any number, with its sign

  explicit Digits(int64_t number)
      : length_(
            static_cast<size_t>(std::to_chars(text_, text_ + sizeof(text_), number).ptr - text_)) {}
  std::string_view view() const { return {text_, length_}; }

 private:
  char text_[kBytesMax];
  size_t length_;
};

// Only the way that Digits writes a number counts as one: no leading zeros, spaces or plus.
inline std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || Digits(number).view() != text) return std::nullopt;
  return number;
}

}  // namespace larder::storage

#endif  // LARDER_STORAGE_DECIMAL_H_
