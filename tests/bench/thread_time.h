#ifndef LARDER_TESTS_BENCH_THREAD_TIME_H_
#define LARDER_TESTS_BENCH_THREAD_TIME_H_

#include <cstdint>
#include <ctime>

namespace larder::bench {

// A clock in nanoseconds: CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC.
inline int64_t ClockNanos(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// What this thread has spent on a processor, in the kernel too. Time in which others had the
// processor does not count, so neighbours on a shared machine show only by the caches they use.
inline int64_t ThreadCpuNanos() { return ClockNanos(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_THREAD_TIME_H_
