#ifndef LARDER_SERVER_HANDLERS_SCAN_CURSOR_CODEC_H_
#define LARDER_SERVER_HANDLERS_SCAN_CURSOR_CODEC_H_

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "storage/operations.h"

namespace larder::server {

// Scan cursors as clients see them: version (1 byte, now 1), slot (2), hash (8), checksum (4),
// big-endian. The same on every node and in every process, so that a walk survives both.
inline constexpr size_t kScanCursorBytes = 15;
using EncodedScanCursor = std::array<char, kScanCursorBytes>;

// REQUIRES: !position.at_end().
EncodedScanCursor EncodeScanCursor(storage::ScanPosition position);

// Absent: it was not made by EncodeScanCursor.
std::optional<storage::ScanPosition> DecodeScanCursor(std::string_view cursor);

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_SCAN_CURSOR_CODEC_H_
