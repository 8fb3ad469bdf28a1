#ifndef LARDER_PROTO_WIRE_WIRE_WRITER_H_
#define LARDER_PROTO_WIRE_WIRE_WRITER_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "proto/wire/wire_reader.h"

namespace larder {

// Bytes that a number takes as a varint.
constexpr size_t VarintBytes(uint64_t number) {
  return (static_cast<size_t>(std::bit_width(number | 1)) + 6) / 7;
}
// A field of fewer than 16 has a tag of one byte; all of ours are such.
inline constexpr size_t kTagBytes = 1;
inline constexpr size_t kFixed64FieldBytes = kTagBytes + sizeof(uint64_t);

constexpr size_t VarintFieldBytes(uint64_t number) { return kTagBytes + VarintBytes(number); }
// What the tag and the length before so many bytes take.
constexpr size_t BytesHeadBytes(size_t bytes) { return kTagBytes + VarintBytes(bytes); }
constexpr size_t BytesFieldBytes(size_t bytes) { return BytesHeadBytes(bytes) + bytes; }

// Writes fields of a protobuf message into memory that is large enough.
class WireWriter {
 public:
  explicit WireWriter(char* at) : at_(at) {}

  void Varint(uint32_t field, uint64_t number) {
    Tag(field, WireType::kVarint);
    Number(number);
  }
  void Fixed64(uint32_t field, uint64_t number) {
    Tag(field, WireType::kFixed64);
    std::memcpy(at_, &number, sizeof(number));
    at_ += sizeof(number);
  }
  // Returns where the bytes go, and goes on behind them.
  char* Bytes(uint32_t field, size_t bytes) {
    BytesHead(field, bytes);
    char* const place = at_;
    at_ += bytes;
    return place;
  }
  // Writes the tag and the length of a message that is written next.
  void BytesHead(uint32_t field, size_t bytes) {
    Tag(field, WireType::kBytes);
    Number(bytes);
  }
  char* at() const { return at_; }

 private:
  void Tag(uint32_t field, WireType type) {
    *at_++ = static_cast<char>(field << 3 | static_cast<uint32_t>(type));
  }
  void Number(uint64_t number) {
    for (; number >= 0x80; number >>= 7) *at_++ = static_cast<char>(number | 0x80);
    *at_++ = static_cast<char>(number);
  }

  char* at_;
};

}  // namespace larder

#endif  // LARDER_PROTO_WIRE_WIRE_WRITER_H_
