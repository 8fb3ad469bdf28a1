#include "server/replication/copy_cursor.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "proto/wire/big_endian.h"

namespace larder::server {
namespace {

// What KeyHasher derives for whom: cursors of Scan have the numbers below.
constexpr uint32_t kFingerprintNumber = 16;

}  // namespace

CopyCursor::CopyCursor(const storage::KeyHasher& hasher)
    : fingerprint_(static_cast<uint32_t>(hasher.Derive(kFingerprintNumber))) {}

std::string CopyCursor::Encode(const storage::ScanPosition& position) const {
  std::string cursor(kBytes, '\0');
  StoreBigEndian(position.slot, 2, cursor.data());
  StoreBigEndian(position.hash, 8, cursor.data() + 2);
  StoreBigEndian(fingerprint_, 4, cursor.data() + 10);
  return cursor;
}

absl::StatusOr<storage::ScanPosition> CopyCursor::Decode(std::string_view cursor) const {
  if (cursor.empty()) return storage::ScanPosition{};
  if (cursor.size() != kBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the cursor of a copy has ", cursor.size(), " bytes, not ", kBytes));
  }
  storage::ScanPosition position{.slot = static_cast<uint32_t>(LoadBigEndian(cursor.data(), 2)),
                                 .hash = LoadBigEndian(cursor.data() + 2, 8)};
  if (position.slot > storage::kSlots) {
    return absl::InvalidArgumentError(
        absl::StrCat("the cursor of a copy is of slot ", position.slot, ", beyond the last"));
  }
  if (LoadBigEndian(cursor.data() + 10, 4) != fingerprint_) position.hash = 0;
  return position;
}

bool CopyCursor::IsInsideSlot(std::string_view cursor) {
  return cursor.size() == kBytes && LoadBigEndian(cursor.data() + 2, 8) != 0;
}

}  // namespace larder::server
