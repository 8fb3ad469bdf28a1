#include "server/log/log_writer.h"

#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "client/channel/blocked_signals.h"
#include "client/channel/file_descriptor.h"

namespace larder::server {
namespace {

constexpr absl::Duration kFlushMax = absl::Hours(24);  // what a deadline can be added up with
constexpr absl::Duration kStopWithin = absl::Milliseconds(100);

}  // namespace

// What the writer and its thread share.
class LogWriter::State {
 public:
  explicit State(LogWriterOptions options)
      : options_(std::move(options)), stop_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void Append(std::string text) {
    {
      const std::lock_guard lock(mutex_);
      if (queued_bytes_ + text.size() > options_.bytes_max) return Lose(Line{std::move(text)});
      if (untold_ > 0) TellLoss();
      Push({std::move(text)});
    }
    has_work_.notify_one();
  }

  bool Flush(absl::Duration timeout) {
    std::unique_lock lock(mutex_);
    return was_written_.wait_for(lock, absl::ToChronoNanoseconds(std::min(timeout, kFlushMax)),
                                 [this] { return lines_.empty() && !is_writing_; });
  }

  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      has_work_.wait(lock, [this] { return is_stopping_ || !lines_.empty(); });
      if (is_stopping_) break;
      const Line line = std::move(lines_.front());
      lines_.pop_front();
      is_writing_ = true;
      lock.unlock();
      // What was written of a line that failed is no part of this one.
      const bool is_written = (!is_torn_ || Write("\n")) && Write(line.text);
      lock.lock();
      is_writing_ = false;
      queued_bytes_ -= line.text.size();
      if (!is_written) {
        Lose(line);
      } else if (lines_.empty() && untold_ > 0) {
        TellLoss();
      }
      was_written_.notify_all();
    }
    has_ended_ = true;
    was_written_.notify_all();
  }

  // False: the thread cannot end.
  bool Stop() {
    std::unique_lock lock(mutex_);
    is_stopping_ = true;
    ::eventfd_write(stop_event_.number(), 1);
    has_work_.notify_one();
    return was_written_.wait_for(lock, absl::ToChronoNanoseconds(kStopWithin),
                                 [this] { return has_ended_; });
  }

  uint64_t lost_lines() const {
    const std::lock_guard lock(mutex_);
    return lost_;
  }

 private:
  struct Line {
    std::string text;
    uint64_t tells = 0;  // how many lines were lost; 0: it is another line
  };

  // REQUIRES: mutex_ is held, for these three.
  void Push(Line line) {
    queued_bytes_ += line.text.size();
    lines_.push_back(std::move(line));
  }
  void TellLoss() { Push({options_.describe_loss(untold_), std::exchange(untold_, 0)}); }
  void Lose(const Line& line) {
    if (line.tells == 0) ++lost_;
    untold_ += std::max<uint64_t>(line.tells, 1);
  }

  // Waits for room before each piece. A pipe with room takes PIPE_BUF bytes without waiting, so the
  // thread waits where it can be stopped.
  bool Write(std::string_view text) {
    while (!text.empty()) {
      pollfd polled[2] = {{stop_event_.number(), POLLIN, 0}, {options_.descriptor, POLLOUT, 0}};
      if (::poll(polled, 2, -1) < 0 && errno != EINTR) return false;
      if (polled[0].revents != 0) return false;
      if (polled[1].revents == 0) continue;
      const size_t bytes = std::min<size_t>(text.size(), PIPE_BUF);
      const ssize_t written = ::write(options_.descriptor, text.data(), bytes);
      if (written < 0 && errno != EINTR && errno != EAGAIN) return false;
      if (written <= 0) continue;
      text.remove_prefix(static_cast<size_t>(written));
      is_torn_ = !text.empty();
    }
    return true;
  }

  const LogWriterOptions options_;
  const FileDescriptor stop_event_;
  bool is_torn_ = false;  // the last line that was begun has no end; the thread's alone
  mutable std::mutex mutex_;
  std::condition_variable has_work_;
  std::condition_variable was_written_;
  // All below is guarded by mutex_.
  std::deque<Line> lines_;
  size_t queued_bytes_ = 0;  // with those of the line that is being written
  uint64_t lost_ = 0;
  uint64_t untold_ = 0;  // of the lost ones
  bool is_writing_ = false;
  bool is_stopping_ = false;
  bool has_ended_ = false;
};

LogWriter::LogWriter(LogWriterOptions options)
    : end_within_(options.end_within), state_(std::make_shared<State>(std::move(options))) {
  const BlockedSignals blocked;  // SIGPIPE, too: then write says EPIPE
  thread_ = std::thread([state = state_] { state->Run(); });
}

LogWriter::~LogWriter() {
  Flush(end_within_);
  if (state_->Stop()) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void LogWriter::Append(std::string line) { state_->Append(std::move(line)); }

bool LogWriter::Flush(absl::Duration timeout) { return state_->Flush(timeout); }

uint64_t LogWriter::lost_lines() const { return state_->lost_lines(); }

}  // namespace larder::server
