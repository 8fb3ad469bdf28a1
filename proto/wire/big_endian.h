#ifndef LARDER_PROTO_WIRE_BIG_ENDIAN_H_
#define LARDER_PROTO_WIRE_BIG_ENDIAN_H_

#include <cstddef>
#include <cstdint>

namespace larder {

// The low `bytes` bytes of a number, most significant first.
inline void StoreBigEndian(uint64_t number, size_t bytes, char* out) {
  for (size_t i = 0; i < bytes; ++i) {
    out[i] = static_cast<char>((number >> (8 * (bytes - 1 - i))) & 0xff);
  }
}

inline uint64_t LoadBigEndian(const char* in, size_t bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < bytes; ++i) number = number << 8 | static_cast<unsigned char>(in[i]);
  return number;
}

}  // namespace larder

#endif  // LARDER_PROTO_WIRE_BIG_ENDIAN_H_
