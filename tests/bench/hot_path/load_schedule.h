#ifndef LARDER_TESTS_BENCH_HOT_PATH_LOAD_SCHEDULE_H_
#define LARDER_TESTS_BENCH_HOT_PATH_LOAD_SCHEDULE_H_

#include <algorithm>
#include <cstdint>
#include <optional>

namespace larder::bench {

// When the operations of a run are due: each as soon as a connection is free for it (closed loop),
// or at a fixed rate, however long the answers take (open loop). Counts what was issued.
// Times in nanoseconds of one clock.
class LoadSchedule {
 public:
  // `rate` in operations per second, not 0; absent: closed loop.
  LoadSchedule(uint64_t operations, std::optional<uint64_t> rate, int64_t start_nanos)
      : operations_(operations), rate_(rate), start_nanos_(start_nanos) {}

  // When the next operation was or will be due; its latency counts from then on, so that waiting
  // for a slow answer before it is not left out. Nothing: all were issued.
  std::optional<int64_t> NextDue(int64_t now_nanos) const {
    if (issued_ == operations_) return std::nullopt;
    if (!rate_.has_value()) return now_nanos;
    return start_nanos_ +
           static_cast<int64_t>(static_cast<double>(issued_) * 1e9 / static_cast<double>(*rate_));
  }
  void Issue() { ++issued_; }

  // What is due later than now will not be; what was due before still is, though it be late.
  void End(int64_t now_nanos) {
    uint64_t due = 0;
    if (rate_.has_value()) {
      const double seconds =
          static_cast<double>(std::max(now_nanos - start_nanos_, int64_t{0})) / 1e9;
      due = static_cast<uint64_t>(seconds * static_cast<double>(*rate_)) + 1;
    }
    operations_ = std::min(operations_, std::max(due, issued_));
  }
  // How many there will have been in all.
  uint64_t operations() const { return operations_; }

  // How long to wait for the next operation to be due. Nothing: only an answer can let it begin, or
  // there is none.
  std::optional<int64_t> WaitNanos(int64_t now_nanos, bool is_a_connection_free) const {
    const std::optional<int64_t> due = NextDue(now_nanos);
    if (!due.has_value() || !is_a_connection_free) return std::nullopt;
    return std::max<int64_t>(*due - now_nanos, 0);
  }

 private:
  uint64_t operations_;
  const std::optional<uint64_t> rate_;
  const int64_t start_nanos_;
  uint64_t issued_ = 0;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_LOAD_SCHEDULE_H_
