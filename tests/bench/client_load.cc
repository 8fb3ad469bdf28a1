#include "tests/bench/client_load.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <semaphore>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/bench/thread_time.h"

namespace larder::bench {
namespace {

std::string KeyOf(uint64_t number) { return absl::StrCat("key:", 100000000000 + number); }

// Spreads the numbers of operations over the keys, the same way in each run.
uint64_t PickKey(uint64_t operation) {
  return (operation * 0x9e3779b97f4a7c15) % static_cast<uint64_t>(kClientLoadKeys);
}

absl::Status Check(const absl::StatusOr<GetResult>& result) {
  if (!result.ok()) return result.status();
  return result->found ? absl::OkStatus() : absl::NotFoundError("a Get missed");
}

absl::Status Check(const absl::StatusOr<SetResult>& result) { return result.status(); }

absl::Status Check(const absl::StatusOr<MultiGetResult>& result) {
  if (!result.ok()) return result.status();
  for (const absl::StatusOr<GetResult>& item : *result) {
    absl::Status status = Check(item);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

class LoadRun {
 public:
  LoadRun(Client& client, const ClientLoad& load, uint64_t operations, size_t value_bytes)
      : client_(client), load_(load), operations_(operations), value_(value_bytes, 'v') {}

  absl::Status Run() {
    if (load_.is_blocking) {
      std::vector<std::thread> callers;
      for (int i = 0; i < load_.in_flight; ++i) callers.emplace_back([this] { CallInTurn(); });
      for (std::thread& caller : callers) caller.join();
    } else {
      for (int i = 0; i < load_.in_flight; ++i) StartNext();
      for (int i = 0; i < load_.in_flight; ++i) ended_.acquire();
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    return failure_;
  }

 private:
  void CallInTurn() {
    for (uint64_t i = next_++; i < operations_; i = next_++) {
      switch (load_.operation) {
        case ClientLoad::Operation::kGet:
          Take(Check(client_.Get(KeyOf(PickKey(i)))));
          break;
        case ClientLoad::Operation::kSet:
          Take(Check(client_.Set(KeyOf(PickKey(i)), value_)));
          break;
        case ClientLoad::Operation::kMultiGet:
          Take(Check(client_.MultiGet(KeysOf(i))));
          break;
      }
    }
  }

  // Each call that ends begins another, as long as there are some.
  void StartNext() {
    const uint64_t i = next_++;
    if (i >= operations_) return ended_.release();
    const auto then = [this](const auto& result) {
      Take(Check(result));
      StartNext();
    };
    switch (load_.operation) {
      case ClientLoad::Operation::kGet:
        return client_.GetAsync(KeyOf(PickKey(i)), {}, then);
      case ClientLoad::Operation::kSet:
        return client_.SetAsync(KeyOf(PickKey(i)), value_, {}, then);
      case ClientLoad::Operation::kMultiGet:
        return client_.MultiGetAsync(KeysOf(i), {}, then);
    }
  }

  static std::vector<std::string> KeysOf(uint64_t operation) {
    std::vector<std::string> keys;
    keys.reserve(kClientLoadMultiGetKeys);
    for (uint64_t i = 0; i < kClientLoadMultiGetKeys; ++i) {
      keys.push_back(KeyOf(PickKey(operation * kClientLoadMultiGetKeys + i)));
    }
    return keys;
  }

  void Take(const absl::Status& status) {
    if (status.ok()) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    failure_.Update(status);
    next_ = operations_;
  }

  Client& client_;
  const ClientLoad load_;
  const uint64_t operations_;
  const std::string value_;
  std::atomic<uint64_t> next_{0};
  std::counting_semaphore<> ended_{0};
  std::mutex mutex_;
  absl::Status failure_;
};

}  // namespace

std::string ClientLoad::name() const {
  const char* const what = operation == Operation::kGet   ? "Get"
                           : operation == Operation::kSet ? "Set"
                                                          : "MultiGet of 100";
  if (is_blocking) return absl::StrCat(what, ", ", in_flight, " blocking");
  return absl::StrCat(what, ", ", in_flight, " asynchronous");
}

absl::Status FillForClientLoad(Client& client, size_t value_bytes) {
  const std::string value(value_bytes, 'v');
  constexpr uint64_t kAtOnce = 100;
  for (uint64_t i = 0; i < kClientLoadKeys; i += kAtOnce) {
    std::vector<SetItem> items;
    for (uint64_t j = i; j < i + kAtOnce; ++j) items.push_back({KeyOf(j), value});
    const absl::StatusOr<MultiSetResult> results = client.MultiSet(items);
    if (!results.ok()) return results.status();
    for (const absl::StatusOr<SetResult>& result : *results) {
      if (!result.ok()) return result.status();
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ClientLoadResult> RunClientLoad(Client& client, const ClientLoad& load,
                                               uint64_t operations, size_t value_bytes) {
  absl::Status status = LoadRun(client, load, operations / 10, value_bytes).Run();
  if (!status.ok()) return status;
  const int64_t cpu_begin = ClockNanos(CLOCK_PROCESS_CPUTIME_ID);
  const int64_t begin = ClockNanos(CLOCK_MONOTONIC);
  status = LoadRun(client, load, operations, value_bytes).Run();
  if (!status.ok()) return status;
  const auto count = static_cast<double>(operations);
  return ClientLoadResult{
      static_cast<double>(ClockNanos(CLOCK_PROCESS_CPUTIME_ID) - cpu_begin) / 1e3 / count,
      count * 1e9 / static_cast<double>(ClockNanos(CLOCK_MONOTONIC) - begin)};
}

}  // namespace larder::bench
