#ifndef LARDER_SERVER_STATE_FILE_STATE_RECORD_H_
#define LARDER_SERVER_STATE_FILE_STATE_RECORD_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace larder::server {

// What is in a state file: a mark of 8 bytes, the version of this layout (4 bytes), the length (4
// bytes), the state, and XXH3's 64 bits of all before; numbers big-endian.
std::string EncodeStateRecord(std::string_view state);

// DATA_LOSS says what is wrong, not where.
absl::StatusOr<std::string> DecodeStateRecord(std::string_view record);

}  // namespace larder::server

#endif  // LARDER_SERVER_STATE_FILE_STATE_RECORD_H_
