#include "server/handlers/held_writes.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/handlers/retry_hint.h"

namespace larder::server {
namespace {

absl::Status Closed() {
  return absl::UnavailableError("the log has no room and the node ends; nothing was changed");
}

}  // namespace

absl::Status HeldWrites::Reserve(size_t bytes) {
  const bool is_again = IsRunning();
  const storage::MutexLock lock(mutex_);
  if (is_closed_) return Closed();
  if (!is_again) {
    if (bytes_ + bytes > options_.bytes_max) {
      refused_.fetch_add(1, std::memory_order_relaxed);
      return WithRetryHint(
          absl::ResourceExhaustedError(absl::StrCat(
              "the log has no room until replicas have read on, and the writes that wait for it "
              "already have ",
              bytes_, " of ", options_.bytes_max,
              " bytes (--max_held_write_bytes); nothing was changed")),
          options_.retry_after);
    }
    held_.fetch_add(1, std::memory_order_relaxed);
  }
  bytes_ += bytes;
  waiting_.fetch_add(1, std::memory_order_relaxed);
  return absl::OkStatus();
}

void HeldWrites::Add(std::unique_ptr<Write> write, storage::TimePoint now) {
  const bool is_again = IsRunning();
  {
    const storage::MutexLock lock(mutex_);
    if (is_again) {
      found_no_room_ = true;
      queue_.push_front({std::move(write), running_since_});
      return;
    }
    if (!is_closed_) {
      queue_.push_back({std::move(write), now});
      return;
    }
    bytes_ -= write->bytes();
    waiting_.fetch_sub(1, std::memory_order_relaxed);
  }
  write->Fail(Closed());
}

std::vector<HeldWrites::Waiting> HeldWrites::TakeOverdue(storage::TimePoint now) {
  const auto timeout = storage::Millis(absl::ToInt64Milliseconds(options_.timeout));
  std::vector<Waiting> overdue;
  const storage::MutexLock lock(mutex_);
  while (!queue_.empty() && queue_.front().since + timeout <= now) {
    bytes_ -= queue_.front().write->bytes();
    overdue.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  waiting_.fetch_sub(overdue.size(), std::memory_order_relaxed);
  return overdue;
}

bool HeldWrites::Run(storage::TimePoint now, size_t writes_max) {
  if (waiting() == 0) return false;
  runner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  bool goes_on = true;
  for (size_t i = 0; i < writes_max && goes_on; ++i) {
    Waiting next;
    {
      const storage::MutexLock lock(mutex_);
      if (queue_.empty()) {
        goes_on = false;
        break;
      }
      next = std::move(queue_.front());
      queue_.pop_front();
      bytes_ -= next.write->bytes();
      running_since_ = next.since;
      found_no_room_ = false;
    }
    next.write->Run();
    // Only now: until it is done, others wait behind it.
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    const storage::MutexLock lock(mutex_);
    goes_on = !found_no_room_;
  }
  runner_.store(std::thread::id(), std::memory_order_relaxed);
  for (Waiting& overdue : TakeOverdue(now)) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    overdue.write->Fail(WithRetryHint(
        absl::ResourceExhaustedError(absl::StrCat(
            absl::string_view(overdue.write->operation().data(), overdue.write->operation().size()),
            ": the log had no room within ", absl::FormatDuration(options_.timeout),
            " (--held_write_timeout), since replicas have not read on; nothing was changed")),
        options_.retry_after));
  }
  return goes_on && waiting() > 0;
}

void HeldWrites::Close() {
  std::deque<Waiting> all;
  {
    const storage::MutexLock lock(mutex_);
    is_closed_ = true;
    all.swap(queue_);
    for (const Waiting& waiting : all) bytes_ -= waiting.write->bytes();
  }
  waiting_.fetch_sub(all.size(), std::memory_order_relaxed);
  for (Waiting& waiting : all) waiting.write->Fail(Closed());
}

}  // namespace larder::server
