#ifndef LARDER_CLIENT_MEASURE_TRACE_READER_H_
#define LARDER_CLIENT_MEASURE_TRACE_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace larder::load {

// One request of a trace.
struct TraceRequest {
  std::string key;
  std::optional<uint32_t> value_bytes;
};

// Reads a trace of one request a line, `KEY` or `KEY,BYTES`, line by line in constant memory, from
// a file or a pipe. What begins with the magic bytes of xz is unpacked on the way, whatever its
// name. Blank lines are skipped, a byte order mark and carriage returns before line ends dropped.
// Not thread-safe.
class TraceReader {
 public:
  // "-" is stdin. Waits for the first bytes of a pipe. NOT_FOUND: there is no such file.
  // INVALID_ARGUMENT: it is of a format that is known and no trace's. INTERNAL: it cannot be read.
  static absl::StatusOr<std::unique_ptr<TraceReader>> Open(const std::string& path);

  virtual ~TraceReader() = default;

  // Whether Next would answer at once, after waiting for that: up to `timeout` for each part of a
  // line that comes, or until a signal does. A pipe may let one wait for long.
  virtual bool Wait(absl::Duration timeout) = 0;

  // False: the trace has ended. INVALID_ARGUMENT: a line is broken, or no text, and named.
  // DATA_LOSS: the xz stream is damaged or cut short. INTERNAL: reading failed. After an error,
  // only errors.
  virtual absl::StatusOr<bool> Next(TraceRequest& request) = 0;

  // Share of the file that is read, 0..1. Nothing: a pipe.
  virtual std::optional<double> Progress() const = 0;
};

}  // namespace larder::load

#endif  // LARDER_CLIENT_MEASURE_TRACE_READER_H_
