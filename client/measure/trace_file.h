#ifndef LARDER_CLIENT_MEASURE_TRACE_FILE_H_
#define LARDER_CLIENT_MEASURE_TRACE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace larder::load {

// The bytes of a file that may be a pipe: read once, from begin to end, as they come. Owns its
// descriptor. Not thread-safe.
class TraceFile {
 public:
  // "-" is stdin. Waits for the writer of a named pipe. NOT_FOUND: there is no such file. INTERNAL:
  // it cannot be read, or is a directory.
  static absl::StatusOr<std::unique_ptr<TraceFile>> Open(const std::string& path);

  ~TraceFile();
  TraceFile(const TraceFile&) = delete;
  TraceFile& operator=(const TraceFile&) = delete;

  // Whether Read would not wait, after waiting for that up to `timeout`, or until a signal comes.
  bool WaitReadable(absl::Duration timeout) const;

  // At least one byte, at most `bytes_max`; 0: the end. INTERNAL: reading failed.
  absl::StatusOr<size_t> Read(uint8_t* bytes, size_t bytes_max);

  // Share that is read, 0..1. Nothing: its size is not known, as that of a pipe.
  std::optional<double> Progress() const;

  const std::string& path() const { return path_; }

 private:
  TraceFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

  const std::string path_;
  const int descriptor_;
  std::optional<uint64_t> file_bytes_;
  uint64_t read_bytes_ = 0;
};

}  // namespace larder::load

#endif  // LARDER_CLIENT_MEASURE_TRACE_FILE_H_
