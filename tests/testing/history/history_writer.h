#ifndef LARDER_TESTS_TESTING_HISTORY_HISTORY_WRITER_H_
#define LARDER_TESTS_TESTING_HISTORY_HISTORY_WRITER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/channel/file_descriptor.h"
#include "client/channel/mutex.h"
#include "tests/testing/history/loss_event.h"
#include "tests/testing/history/operation.h"

namespace larder::history {

// Writes a history file as it happens (record_format.h). A mutation is with the system before it is
// sent, so that the death of this process never leaves a value that nobody seems to have written;
// of what was answered the last 64 KiB at most can be missing, which the checker takes for unknown.
// Thread-safe.
class HistoryWriter {
 public:
  // INVALID_ARGUMENT: the file cannot be made anew, or exists.
  static absl::StatusOr<std::unique_ptr<HistoryWriter>> Create(const std::string& path);
  ~HistoryWriter();

  // REQUIRES: operation.is_mutation(). The caller sends it only after this.
  void Invoked(const Operation& operation, std::string_view key);
  // The end of any operation; `operation` is all of it.
  void Completed(const Operation& operation, std::string_view key, std::string_view node);

  void EventBegins(const LossEvent& event);
  void EventEnds(const LossEvent& event);

  // Gives everything to the system. UNAVAILABLE: some of it could not be written, now or before.
  absl::Status Flush();

 private:
  static constexpr size_t kBufferBytes = size_t{64} << 10;

  explicit HistoryWriter(FileDescriptor file) : file_(std::move(file)) {}
  void WriteOut() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const FileDescriptor file_;
  Mutex mutex_;
  std::string buffer_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_HISTORY_WRITER_H_
