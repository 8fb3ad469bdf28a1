#ifndef LARDER_SERVER_RPC_GZIP_INFLATER_H_
#define LARDER_SERVER_RPC_GZIP_INFLATER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"

struct z_stream_s;

namespace larder::server {

// One compressed message on its way to what it inflates to, by steps that take a fraction of a
// millisecond. Takes memory once, for as many bytes as the stream's end tells. Not thread-safe.
class GzipInflater {
 public:
  // Inflates no more than `bytes_max`.
  GzipInflater(std::string_view compressed, size_t bytes_max);
  ~GzipInflater();
  GzipInflater(const GzipInflater&) = delete;
  GzipInflater& operator=(const GzipInflater&) = delete;

  // Goes on; to be given the same bytes each time, wherever they lie. False: it has ended, well or
  // not.
  bool Step(std::string_view compressed);

  // Once it has ended. RESOURCE_EXHAUSTED: it tells of more than bytes_max. INTERNAL: it is no
  // whole gzip stream.
  const absl::Status& status() const { return status_; }
  // How many bytes the message will have; 0 if it is not begun.
  size_t bytes() const { return status_.ok() ? bytes_ : 0; }
  std::string& message() { return message_; }
  // For how many frames of a flood it counts, since it took few bytes to ask for and much time to
  // do.
  uint32_t flood_frames() const;

 private:
  struct End {
    void operator()(z_stream_s* stream) const;
  };

  absl::Status Begin(std::string_view compressed, size_t bytes_max);

  std::unique_ptr<z_stream_s, End> stream_;
  const size_t compressed_bytes_;
  size_t bytes_ = 0;  // what it is to inflate to
  std::string message_;
  absl::Status status_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_GZIP_INFLATER_H_
