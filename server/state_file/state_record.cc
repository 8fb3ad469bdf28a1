#include "server/state_file/state_record.h"

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "proto/wire/big_endian.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace larder::server {
namespace {

constexpr std::string_view kMark("\x89larder\n", 8);
constexpr uint64_t kVersion = 1;
constexpr size_t kNumberBytes = 4;
constexpr size_t kHeadBytes = kMark.size() + 2 * kNumberBytes;
constexpr size_t kChecksumBytes = 8;

void AppendNumber(uint64_t number, size_t bytes, std::string* out) {
  char buffer[8];
  StoreBigEndian(number, bytes, buffer);
  out->append(buffer, bytes);
}

uint64_t ChecksumOf(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace

std::string EncodeStateRecord(std::string_view state) {
  std::string record(kMark);
  AppendNumber(kVersion, kNumberBytes, &record);
  AppendNumber(state.size(), kNumberBytes, &record);
  record.append(state);
  AppendNumber(ChecksumOf(record), kChecksumBytes, &record);
  return record;
}

absl::StatusOr<std::string> DecodeStateRecord(std::string_view record) {
  if (record.size() < kHeadBytes + kChecksumBytes) {
    return absl::DataLossError(absl::StrCat("cut off after ", record.size(), " bytes"));
  }
  if (record.substr(0, kMark.size()) != kMark) {
    return absl::DataLossError("it is not a state file, or its beginning is damaged");
  }
  const uint64_t version = LoadBigEndian(record.data() + kMark.size(), kNumberBytes);
  if (version != kVersion) {
    return absl::DataLossError(
        absl::StrCat("it has version ", version, " of the layout; this program knows ", kVersion));
  }
  const uint64_t length = LoadBigEndian(record.data() + kMark.size() + kNumberBytes, kNumberBytes);
  const size_t found = record.size() - kHeadBytes - kChecksumBytes;
  if (length != found) {
    return absl::DataLossError(
        absl::StrCat("it has ", found, " bytes of state where it says ", length));
  }
  const std::string_view covered = record.substr(0, kHeadBytes + found);
  if (ChecksumOf(covered) != LoadBigEndian(record.data() + covered.size(), kChecksumBytes)) {
    return absl::DataLossError("its checksum is wrong");
  }
  return std::string(record.substr(kHeadBytes, found));
}

}  // namespace larder::server
