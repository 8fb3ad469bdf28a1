#ifndef LARDER_TESTS_BENCH_HOT_PATH_LOAD_THREAD_H_
#define LARDER_TESTS_BENCH_HOT_PATH_LOAD_THREAD_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/hot_path/load_generator.h"
#include "tests/bench/hot_path/load_result.h"

namespace larder::bench {

// A load that goes on, on a thread of its own, until it is ended. To be used by one thread.
class LoadThread {
 public:
  struct Options {
    std::optional<uint64_t> rate = {};  // operations per second; absent: as many as are answered
    // It stands for another machine: it takes a processor only while nobody else wants it.
    bool is_idle = false;
    // So does this, with little to do: it has a processor at once, where the system allows that, so
    // that latencies are those of the server.
    bool is_real_time = false;
  };

  LoadThread(std::unique_ptr<LoadGenerator> generator, const Options& options);
  ~LoadThread();
  LoadThread(const LoadThread&) = delete;
  LoadThread& operator=(const LoadThread&) = delete;

  // Waits for the answers to what was due by now. To be called once. Errors as LoadGenerator::Run,
  // also of a load that has ended by itself.
  absl::StatusOr<LoadResult> End();

 private:
  void Run(const Options& options);

  const std::unique_ptr<LoadGenerator> generator_;  // of the thread
  std::atomic<bool> is_ending_{false};
  absl::StatusOr<LoadResult> result_;  // of the thread, until it has ended
  std::thread thread_;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_LOAD_THREAD_H_
