#ifndef LARDER_PROTO_WIRE_WIRE_READER_H_
#define LARDER_PROTO_WIRE_WIRE_READER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "proto/wire/field_budget.h"

namespace larder {

// How a field is encoded (protobuf's wire format).
enum class WireType : uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

// Reads the fields of a protobuf message in place, one after the other. What it calls an error is
// what protobuf's own parser refuses. `bytes` must outlive it.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  // Goes on to the next field, whose value is then to be read or skipped. False: at the end, or
  // not ok().
  bool Next() {
    if (at_ == end_ || !ok_) return false;
    ReadTag();
    if (type_ == WireType::kEndGroup) ok_ = false;  // of a group that has no beginning here
    return ok_;
  }
  bool ok() const { return ok_; }
  uint32_t field() const { return field_; }
  // The field and how it is encoded. A field that is known, but encoded in another way, is unknown.
  bool Is(uint32_t field, WireType type) const { return field_ == field && type_ == type; }

  uint64_t ReadVarint() {
    uint64_t number = 0;
    for (int shift = 0; shift < 70 && at_ != end_; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at_++);
      if (shift < 64) number |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return number;
    }
    ok_ = false;
    return 0;
  }
  int64_t ReadZigZag() {
    const uint64_t number = ReadVarint();
    return static_cast<int64_t>(number >> 1) ^ -static_cast<int64_t>(number & 1);
  }
  uint64_t ReadFixed64() {
    uint64_t number = 0;
    if (const char* const from = Take(sizeof(number))) std::memcpy(&number, from, sizeof(number));
    return number;
  }
  std::string_view ReadBytes() {
    const uint64_t bytes = ReadShortVarint();
    if (bytes > kLengthMax) ok_ = false;
    const char* const from = Take(bytes);
    return from == nullptr ? std::string_view() : std::string_view(from, bytes);
  }
  // Reads a value that is of no interest.
  void Skip() { SkipValue(kGroupsMax, nullptr); }
  // Counts the fields of a group as it skips it, and stops when there are too many.
  void Skip(FieldBudget& fields) { SkipValue(kGroupsMax, &fields); }

  // True if a message could be read whose fields are all of no interest, and are not too many.
  static bool IsMessage(std::string_view bytes, FieldBudget& fields) {
    WireReader reader(bytes);
    while (reader.Next() && fields.Take()) reader.Skip(fields);
    return reader.ok() && !fields.is_overdrawn();
  }

 private:
  static constexpr int kGroupsMax = 100;
  static constexpr uint64_t kLengthMax = 0x7fffffff;
  static constexpr int kShortVarintBytesMax = 5;

  // A tag or a length, which protobuf's parser does not read beyond so many bytes.
  uint64_t ReadShortVarint() {
    const char* const from = at_;
    const uint64_t number = ReadVarint();
    if (at_ - from > kShortVarintBytesMax) ok_ = false;
    return number;
  }

  void ReadTag() {
    const auto tag = static_cast<uint32_t>(ReadShortVarint());
    field_ = tag >> 3;
    type_ = static_cast<WireType>(tag & 7);
    if (field_ == 0 || (tag & 7) > static_cast<uint32_t>(WireType::kFixed32)) ok_ = false;
  }

  const char* Take(uint64_t bytes) {
    if (!ok_ || bytes > static_cast<uint64_t>(end_ - at_)) {
      ok_ = false;
      return nullptr;
    }
    const char* const from = at_;
    at_ += bytes;
    return from;
  }

  void SkipValue(int groups_left, FieldBudget* fields) {
    switch (type_) {
      case WireType::kVarint:
        ReadVarint();
        break;
      case WireType::kFixed64:
        Take(8);
        break;
      case WireType::kFixed32:
        Take(4);
        break;
      case WireType::kBytes:
        ReadBytes();
        break;
      case WireType::kStartGroup:
        SkipGroup(groups_left - 1, fields);
        break;
      case WireType::kEndGroup:
        ok_ = false;
        break;
    }
  }

  void SkipGroup(int groups_left, FieldBudget* fields) {
    if (groups_left < 0) ok_ = false;
    const uint32_t group = field_;
    while (ok_) {
      if (at_ == end_) {
        ok_ = false;
        return;
      }
      ReadTag();
      if (ok_ && type_ == WireType::kEndGroup) {
        ok_ = field_ == group;
        return;
      }
      if (ok_ && fields != nullptr) ok_ = fields->Take();
      if (ok_) SkipValue(groups_left, fields);
    }
  }

  const char* at_;
  const char* const end_;
  uint32_t field_ = 0;
  WireType type_ = WireType::kVarint;
  bool ok_ = true;
};

}  // namespace larder

#endif  // LARDER_PROTO_WIRE_WIRE_READER_H_
