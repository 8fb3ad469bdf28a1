#include "tests/testing/history/history_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/testing/history/record_format.h"

namespace larder::history {

absl::StatusOr<std::unique_ptr<HistoryWriter>> HistoryWriter::Create(const std::string& path) {
  FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666));
  if (!file.is_open()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  std::unique_ptr<HistoryWriter> writer(new HistoryWriter(std::move(file)));
  MutexLock lock(writer->mutex_);
  writer->buffer_.append(kFirstLine).append("\n");
  writer->WriteOut();
  if (!writer->failure_.ok()) return writer->failure_;
  return writer;
}

HistoryWriter::~HistoryWriter() {
  MutexLock lock(mutex_);
  WriteOut();
}

void HistoryWriter::Invoked(const Operation& operation, std::string_view key) {
  MutexLock lock(mutex_);
  AppendRecord(RecordType::kInvoked, operation, key, {}, buffer_);
  WriteOut();
}

void HistoryWriter::Completed(const Operation& operation, std::string_view key,
                              std::string_view node) {
  MutexLock lock(mutex_);
  AppendRecord(operation.is_mutation() ? RecordType::kCompleted : RecordType::kRead, operation, key,
               node, buffer_);
  if (buffer_.size() >= kBufferBytes) WriteOut();
}

void HistoryWriter::EventBegins(const LossEvent& event) {
  MutexLock lock(mutex_);
  AppendRecord(RecordType::kEventBegin, event, buffer_);
  WriteOut();
}

void HistoryWriter::EventEnds(const LossEvent& event) {
  MutexLock lock(mutex_);
  AppendRecord(RecordType::kEventEnd, event, buffer_);
  WriteOut();
}

absl::Status HistoryWriter::Flush() {
  MutexLock lock(mutex_);
  WriteOut();
  return failure_;
}

void HistoryWriter::WriteOut() {
  size_t begin = 0;
  while (begin < buffer_.size() && failure_.ok()) {
    const ssize_t written = write(file_.number(), buffer_.data() + begin, buffer_.size() - begin);
    if (written >= 0) {
      begin += static_cast<size_t>(written);
    } else if (errno != EINTR) {
      failure_ = absl::UnavailableError(
          absl::StrCat("the history file cannot be written: ", std::strerror(errno)));
    }
  }
  buffer_.clear();
}

}  // namespace larder::history
