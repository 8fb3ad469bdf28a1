#ifndef LARDER_SERVER_LARDERD_PROCESS_LOG_H_
#define LARDER_SERVER_LARDERD_PROCESS_LOG_H_

#include <glog/logging.h>

#include <atomic>
#include <cstddef>

#include "server/config/server_config.h"
#include "server/log/log_writer.h"

namespace larder::server {

// What this process logs, by glog, gRPC or protobuf: goes to stderr by way of a LogWriter, so that
// nobody who logs waits. A failed CHECK waits for its line, and ends the process even if it cannot
// tell where it was. One for a process.
class ProcessLog final : private google::LogSink {
 public:
  ProcessLog(ServerConfig::LogLevel level, size_t bytes_max);
  ~ProcessLog() override;
  ProcessLog(const ProcessLog&) = delete;
  ProcessLog& operator=(const ProcessLog&) = delete;

  LogWriter& writer() { return writer_; }

 private:
  void send(google::LogSeverity severity, const char* path, const char* file, int line,
            const google::LogMessageTime& time, const char* text, size_t text_bytes) override;
  void WaitTillSent() override;

  std::atomic<bool> is_fatal_{false};
  std::atomic<bool> is_ending_{false};  // it was said when the process ends
  LogWriter writer_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_LARDERD_PROCESS_LOG_H_
