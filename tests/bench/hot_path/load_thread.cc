#include "tests/bench/hot_path/load_thread.h"

#include <sched.h>

#include <utility>

namespace larder::bench {

LoadThread::LoadThread(std::unique_ptr<LoadGenerator> generator, const Options& options)
    : generator_(std::move(generator)),
      result_(absl::UnknownError("not ended")),
      thread_([this, options] { Run(options); }) {}

LoadThread::~LoadThread() {
  is_ending_ = true;
  if (thread_.joinable()) thread_.join();
}

absl::StatusOr<LoadResult> LoadThread::End() {
  is_ending_ = true;
  thread_.join();
  return std::move(result_);
}

void LoadThread::Run(const Options& options) {
  if (options.is_idle) {
    const sched_param none{};
    sched_setscheduler(0, SCHED_IDLE, &none);  // of this thread
  } else if (options.is_real_time) {
    const sched_param lowest{.sched_priority = sched_get_priority_min(SCHED_FIFO)};
    sched_setscheduler(0, SCHED_FIFO, &lowest);
  }
  result_ = generator_->RunUntil(is_ending_, options.rate);
}

}  // namespace larder::bench
