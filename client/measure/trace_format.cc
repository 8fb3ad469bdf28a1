#include "client/measure/trace_format.h"

#include <algorithm>

namespace larder::load {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view bytes;
  TraceFormat format;
};

// None of them is the beginning of another, and none is text that a key could begin with.
constexpr Magic kMagics[] = {
    {"\xfd\x37zXZ\0"sv, {TraceFormat::Kind::kXz, "an xz file"}},
    {"\x1f\x8b"sv, {TraceFormat::Kind::kForeign, "a gzip file"}},
    {"\x28\xb5\x2f\xfd"sv, {TraceFormat::Kind::kForeign, "a zstd file"}},
    {"BZh\x31\x31\x41\x59\x26\x53\x59"sv, {TraceFormat::Kind::kForeign, "a bzip2 file"}},
    {"\x04\x22\x4d\x18"sv, {TraceFormat::Kind::kForeign, "an lz4 file"}},
    {"\x5d\0\0"sv, {TraceFormat::Kind::kForeign, "an lzma file"}},
    {"PK\x03\x04"sv, {TraceFormat::Kind::kForeign, "a zip file"}},
    {"\xff\xfe"sv, {TraceFormat::Kind::kForeign, "text in UTF-16"}},
    {"\xfe\xff"sv, {TraceFormat::Kind::kForeign, "text in UTF-16"}},
};

}  // namespace

std::optional<TraceFormat> DetectTraceFormat(std::string_view begin, bool is_all) {
  for (const Magic& magic : kMagics) {
    const size_t common = std::min(begin.size(), magic.bytes.size());
    if (begin.substr(0, common) != magic.bytes.substr(0, common)) continue;
    if (common == magic.bytes.size()) return magic.format;
    if (!is_all) return std::nullopt;
  }
  return TraceFormat{};
}

std::optional<uint8_t> FindNonText(std::string_view line) {
  for (const char c : line) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 && c != '\t') return byte;
  }
  return std::nullopt;
}

}  // namespace larder::load
