#ifndef LARDER_CLIENT_MEASURE_TRACE_READER_H_
#define LARDER_CLIENT_MEASURE_TRACE_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace larder::load {

// One request of a trace.
struct TraceRequest {
  std::string key;
  std::optional<uint32_t> value_bytes;
};

// Reads a trace of one request a line, `KEY` or `KEY,BYTES`, line by line in constant memory. A
// file that begins with the magic bytes of xz is unpacked on the way, whatever its name. Blank
// lines are skipped, carriage returns before line ends dropped. Not thread-safe.
class TraceReader {
 public:
  // NOT_FOUND: there is no such file. Other codes: it cannot be read.
  static absl::StatusOr<std::unique_ptr<TraceReader>> Open(const std::string& path);

  virtual ~TraceReader() = default;

  // False: the trace has ended. INVALID_ARGUMENT: a line is broken, and named. DATA_LOSS: the xz
  // stream is damaged or cut short. INTERNAL: reading failed. After an error, only errors.
  virtual absl::StatusOr<bool> Next(TraceRequest& request) = 0;

  // Share of the file that is read, 0..1.
  virtual double Progress() const = 0;
};

}  // namespace larder::load

#endif  // LARDER_CLIENT_MEASURE_TRACE_READER_H_
