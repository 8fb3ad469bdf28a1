#include "cluster/hash_slot.h"

#include <array>

namespace larder::cluster {
namespace {

// The remainders of a byte that has 0, 1, 2 or 3 others behind it.
using Crc16Tables = std::array<std::array<uint16_t, 256>, 4>;

// CRC16-XMODEM: polynomial x^16 + x^12 + x^5 + 1, initial value 0, most significant bit first.
constexpr Crc16Tables MakeCrc16Tables() {
  Crc16Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte << 8;
    for (auto& table : tables) {
      for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) ? (crc << 1) ^ 0x1021 : crc << 1;
      table[byte] = static_cast<uint16_t>(crc);
    }
  }
  return tables;
}

constexpr Crc16Tables kCrc16Tables = MakeCrc16Tables();

// Four bytes at a time, after Kounavis and Berry, "Novel Table Lookup-Based Algorithms for
// High-Performance CRC Generation", 2008.
uint16_t Crc16(std::string_view bytes) {
  const auto byte = [&bytes](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  uint16_t crc = 0;
  for (; bytes.size() >= 4; bytes.remove_prefix(4)) {
    crc = static_cast<uint16_t>(kCrc16Tables[3][(crc >> 8) ^ byte(0)] ^
                                kCrc16Tables[2][(crc & 0xff) ^ byte(1)] ^ kCrc16Tables[1][byte(2)] ^
                                kCrc16Tables[0][byte(3)]);
  }
  for (; !bytes.empty(); bytes.remove_prefix(1)) {
    crc = static_cast<uint16_t>((crc << 8) ^ kCrc16Tables[0][(crc >> 8) ^ byte(0)]);
  }
  return crc;
}

// The part of the key that decides its slot.
std::string_view HashedPart(std::string_view key) {
  const size_t open = key.find('{');
  if (open == std::string_view::npos) return key;
  const size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

}  // namespace

uint32_t HashSlot(std::string_view key) { return Crc16(HashedPart(key)) % kHashSlots; }

}  // namespace larder::cluster
