#ifndef LARDER_SERVER_LOG_LOG_WRITER_H_
#define LARDER_SERVER_LOG_LOG_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/time/time.h"

namespace larder::server {

struct LogWriterOptions {
  int descriptor = 2;  // stays the caller's
  size_t bytes_max = size_t{1} << 20;
  // Makes the line, with its end, that says how many lines were lost. Must not
  // append one.
  std::function<std::string(uint64_t lines)> describe_loss;
  // How long the destructor waits for who reads the log.
  absl::Duration end_within = absl::Seconds(1);
};

// Writes log lines to a descriptor on a thread of its own, so that whoever logs never waits for the
// one who reads: a line that finds bytes_max of others waiting is lost, as is one that cannot be
// written, and the log says how many as soon as it can. Thread-safe.
class LogWriter {
 public:
  explicit LogWriter(LogWriterOptions options);
  // Leaves its thread behind if that is stuck in a write.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // Takes a line with its end. Does not wait.
  void Append(std::string line);
  // Waits until all that was appended has been written or lost. False: that took longer.
  bool Flush(absl::Duration timeout);
  uint64_t lost_lines() const;

 private:
  class State;

  const absl::Duration end_within_;
  const std::shared_ptr<State> state_;  // the thread's, too
  std::thread thread_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_LOG_LOG_WRITER_H_
