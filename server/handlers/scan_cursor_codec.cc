#include "server/handlers/scan_cursor_codec.h"

#include <cstdint>

#include "proto/wire/big_endian.h"
#include "storage/random.h"

namespace larder::server {
namespace {

constexpr uint8_t kVersion = 2;
constexpr size_t kFingerprintAt = 1;
constexpr size_t kSlotAt = 5;
constexpr size_t kHashAt = 7;
constexpr size_t kChecksumAt = 15;
constexpr size_t kChecksumBytes = 4;
static_assert(kChecksumAt + kChecksumBytes == ScanCursorCodec::kCursorBytes);

// FNV-1a, 64 bits folded to 32: against truncation and typing, not against forgery.
uint32_t Checksum(const char* bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < kChecksumAt; ++i) {
    hash = (hash ^ static_cast<unsigned char>(bytes[i])) * 0x100000001b3;
  }
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

uint32_t RoundOf(uint64_t key, uint32_t half) {
  return static_cast<uint32_t>(storage::Random::Mix(storage::Random::Mix(half ^ key) + key) >> 32);
}

}  // namespace

ScanCursorCodec::ScanCursorCodec(const storage::KeyHasher& hasher)
    : fingerprint_(static_cast<uint32_t>(hasher.Derive(0))) {
  for (uint32_t round = 0; round < kRounds; ++round) round_keys_[round] = hasher.Derive(round + 1);
}

// A balanced Feistel network (Luby and Rackoff, "How to Construct Pseudorandom Permutations from
// Pseudorandom Functions", 1988, with two rounds more than they need).
uint64_t ScanCursorCodec::Veil(uint64_t hash) const {
  auto left = static_cast<uint32_t>(hash >> 32);
  auto right = static_cast<uint32_t>(hash);
  for (const uint64_t key : round_keys_) {
    const uint32_t mixed = left ^ RoundOf(key, right);
    left = right;
    right = mixed;
  }
  return uint64_t{left} << 32 | right;
}

uint64_t ScanCursorCodec::Unveil(uint64_t veiled) const {
  auto left = static_cast<uint32_t>(veiled >> 32);
  auto right = static_cast<uint32_t>(veiled);
  for (auto key = round_keys_.rbegin(); key != round_keys_.rend(); ++key) {
    const uint32_t mixed = right ^ RoundOf(*key, left);
    right = left;
    left = mixed;
  }
  return uint64_t{left} << 32 | right;
}

ScanCursorCodec::Encoded ScanCursorCodec::Encode(storage::ScanPosition position) const {
  Encoded cursor;
  cursor[0] = static_cast<char>(kVersion);
  StoreBigEndian(fingerprint_, 4, cursor.data() + kFingerprintAt);
  StoreBigEndian(position.slot, 2, cursor.data() + kSlotAt);
  StoreBigEndian(Veil(position.hash), 8, cursor.data() + kHashAt);
  StoreBigEndian(Checksum(cursor.data()), kChecksumBytes, cursor.data() + kChecksumAt);
  return cursor;
}

absl::StatusOr<storage::ScanPosition> ScanCursorCodec::Decode(std::string_view cursor) const {
  const absl::Status damaged =
      absl::InvalidArgumentError("cursor was not made by Larder, or is damaged");
  if (cursor.size() != kCursorBytes || cursor[0] != static_cast<char>(kVersion) ||
      LoadBigEndian(cursor.data() + kChecksumAt, kChecksumBytes) != Checksum(cursor.data())) {
    return damaged;
  }
  if (LoadBigEndian(cursor.data() + kFingerprintAt, 4) != fingerprint_) {
    return absl::InvalidArgumentError(
        "cursor was made by a node that orders its keys otherwise, such as this one before it was "
        "restarted: begin the scan anew, with an empty cursor");
  }
  storage::ScanPosition position;
  position.slot = static_cast<uint32_t>(LoadBigEndian(cursor.data() + kSlotAt, 2));
  position.hash = Unveil(LoadBigEndian(cursor.data() + kHashAt, 8));
  if (position.at_end()) return damaged;
  return position;
}

}  // namespace larder::server
