#include "server/handlers/scan_cursor_codec.h"

#include <cstdint>

#include "proto/wire/big_endian.h"

namespace larder::server {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kChecksumBytes = 4;
constexpr size_t kCheckedBytes = kScanCursorBytes - kChecksumBytes;

// FNV-1a, 64 bits folded to 32: against truncation and typing, not against forgery.
uint32_t Checksum(const char* bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < kCheckedBytes; ++i) {
    hash = (hash ^ static_cast<unsigned char>(bytes[i])) * 0x100000001b3;
  }
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

}  // namespace

EncodedScanCursor EncodeScanCursor(storage::ScanPosition position) {
  EncodedScanCursor cursor;
  cursor[0] = static_cast<char>(kVersion);
  StoreBigEndian(position.slot, 2, cursor.data() + 1);
  StoreBigEndian(position.hash, 8, cursor.data() + 3);
  StoreBigEndian(Checksum(cursor.data()), kChecksumBytes, cursor.data() + kCheckedBytes);
  return cursor;
}

std::optional<storage::ScanPosition> DecodeScanCursor(std::string_view cursor) {
  if (cursor.size() != kScanCursorBytes || cursor[0] != static_cast<char>(kVersion) ||
      LoadBigEndian(cursor.data() + kCheckedBytes, kChecksumBytes) != Checksum(cursor.data())) {
    return std::nullopt;
  }
  storage::ScanPosition position;
  position.slot = static_cast<uint32_t>(LoadBigEndian(cursor.data() + 1, 2));
  position.hash = LoadBigEndian(cursor.data() + 3, 8);
  if (position.at_end()) return std::nullopt;
  return position;
}

}  // namespace larder::server
