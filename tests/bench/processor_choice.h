#ifndef LARDER_TESTS_BENCH_PROCESSOR_CHOICE_H_
#define LARDER_TESTS_BENCH_PROCESSOR_CHOICE_H_

#include <sched.h>

namespace larder::bench {

// The processors that the thread, and what it starts, may use; given back at the end.
class ProcessorChoice {
 public:
  ProcessorChoice() {
    CPU_ZERO(&all_);
    if (sched_getaffinity(0, sizeof(all_), &all_) != 0) CPU_ZERO(&all_);
  }
  ~ProcessorChoice() {
    if (CPU_COUNT(&all_) > 0) sched_setaffinity(0, sizeof(all_), &all_);
  }
  ProcessorChoice(const ProcessorChoice&) = delete;
  ProcessorChoice& operator=(const ProcessorChoice&) = delete;

  int count() const { return CPU_COUNT(&all_); }
  // From now on: the last one, or all others. Without a second one nothing changes.
  void UseLast() const {
    cpu_set_t last;
    CPU_ZERO(&last);
    CPU_SET(Last(), &last);
    Use(last);
  }
  void UseOthers() const {
    cpu_set_t others = all_;
    CPU_CLR(Last(), &others);
    Use(others);
  }

 private:
  int Last() const {
    int last = CPU_SETSIZE - 1;
    while (last > 0 && !CPU_ISSET(last, &all_)) --last;
    return last;
  }
  void Use(const cpu_set_t& chosen) const {
    if (count() > 1) sched_setaffinity(0, sizeof(chosen), &chosen);
  }

  cpu_set_t all_;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_PROCESSOR_CHOICE_H_
