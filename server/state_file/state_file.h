#ifndef LARDER_SERVER_STATE_FILE_STATE_FILE_H_
#define LARDER_SERVER_STATE_FILE_STATE_FILE_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/channel/file_descriptor.h"

namespace larder::server {

// The small durable state of a node (ordering.md rule 12): bytes that are replaced as a whole, so
// that a crash leaves the old ones or the new ones. Holds the folder's lock as long as it lives:
// two processes never have one state. Not thread-safe; every call waits for the disk.
class StateFile {
 public:
  static constexpr char kFileName[] = "node_state";
  static constexpr char kTemporaryName[] = "node_state.new";
  static constexpr char kLockName[] = "lock";
  static constexpr size_t kStateBytesMax = size_t{1} << 20;

  // Makes the folder if it is missing, not those above it. FAILED_PRECONDITION: another process has
  // it (its id is named); it cannot be made, or nothing can be written in it.
  static absl::StatusOr<std::unique_ptr<StateFile>> Open(const std::string& folder);

  // What was written last. Absent: nothing ever was. DATA_LOSS names the file: it is cut, changed,
  // or of a version that this program does not know; it is left as it is.
  absl::StatusOr<std::optional<std::string>> Read() const;

  // OK: the state is on disk. INVALID_ARGUMENT: it has more than kStateBytesMax.
  // RESOURCE_EXHAUSTED: the disk is full. UNAVAILABLE: any other failure. Whichever it is, the old
  // state or the new one is there; to be written again before anything depends on it.
  absl::Status Write(std::string_view state);

  const std::string& path() const { return path_; }

 private:
  StateFile(std::string folder, FileDescriptor directory, FileDescriptor lock);

  absl::Status WriteTemporary(std::string_view bytes);

  const std::string path_;
  const std::string temporary_path_;
  const FileDescriptor directory_;
  const FileDescriptor lock_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_STATE_FILE_STATE_FILE_H_
