#include "client/load/replay.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "client/measure/trace_reader.h"
#include "client/measure/value_pattern.h"

namespace larder::load {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(50);
constexpr absl::Duration kProgressInterval = absl::Milliseconds(250);
constexpr absl::Duration kFailingMax = absl::Seconds(10);

class Replay {
 public:
  Replay(const ReplayOptions& options, TraceReader& trace, Engine& engine, Report& report)
      : options_(options),
        trace_(trace),
        engine_(engine),
        report_(report),
        window_(options.concurrency == 1 ? 1 : 2 * static_cast<size_t>(options.concurrency)) {}

  absl::Status Run() {
    absl::Status status = Fill();
    while (open_ > 0 || waits_for_trace_) {
      Operation* const operation = open_ > 0 ? engine_.Next(kTick) : nullptr;
      if (open_ == 0) trace_.Wait(kTick);
      ShowProgress();
      if (operation != nullptr) Ended(*operation);
      EndRests();
      if (status.ok()) status = Fill();
    }
    return status;
  }

 private:
  // The requests of one key, of which the first is in flight or waits for a free operation.
  struct Lane {
    absl::InlinedVector<uint32_t, 4> value_bytes;
  };

  // Begins requests while there is room.
  absl::Status Fill() {
    waits_for_trace_ = false;
    while (open_ < window_ && !AtLimit() && !trace_ended_ && !Stopped()) {
      // A request that was read but found no free operation is still in hand.
      if (!in_hand_) {
        waits_for_trace_ = !trace_.Wait(absl::ZeroDuration());
        if (waits_for_trace_) return absl::OkStatus();
        absl::StatusOr<bool> found = trace_.Next(request_);
        if (!found.ok()) {
          trace_ended_ = true;
          return found.status();
        }
        trace_ended_ = !*found;
        if (trace_ended_) return absl::OkStatus();
        in_hand_ = true;
      }
      const uint32_t bytes = request_.value_bytes.value_or(options_.value_bytes);
      const auto lane = lanes_.find(request_.key);
      if (lane == lanes_.end()) {
        Operation* const operation = engine_.Acquire();
        if (operation == nullptr) return absl::OkStatus();
        lanes_[request_.key].value_bytes.push_back(bytes);
        operation->key = request_.key;
        StartGet(*operation);
      } else {
        lane->second.value_bytes.push_back(bytes);
      }
      in_hand_ = false;
      ++open_;
      ++taken_;
    }
    return absl::OkStatus();
  }

  void StartGet(Operation& operation) {
    operation.kind = Operation::Kind::kGet;
    operation.begin = Clock::now();
    engine_.Start(operation);
  }

  void Ended(Operation& operation) {
    const Clock::time_point now = Clock::now();
    report_.Add(operation, absl::FromChrono(now - operation.begin));
    NoteHealth(operation.status.ok(), now);
    if (!operation.status.ok()) {
      resting_.push_back(&operation);
      return;
    }
    if (operation.kind == Operation::Kind::kGet) {
      if (!operation.found) {
        operation.kind = Operation::Kind::kSet;
        FillPattern(operation.key, lanes_.find(operation.key)->second.value_bytes.front(),
                    operation.value);
        operation.begin = Clock::now();
        engine_.Start(operation);
        return;
      }
      Verify(operation);
    }
    GoOn(operation);
  }

  // The request is over; the next one of its key may begin.
  void GoOn(Operation& operation) {
    const auto lane = lanes_.find(operation.key);
    absl::InlinedVector<uint32_t, 4>& waiting = lane->second.value_bytes;
    --open_;
    waiting.erase(waiting.begin());
    if (!waiting.empty() && !Stopped()) {
      StartGet(operation);
      return;
    }
    open_ -= waiting.size();
    lanes_.erase(lane);
    engine_.Release(operation);
  }

  void EndRests() {
    const Clock::time_point now = Clock::now();
    if (now < wake_) return;
    wake_ = now + absl::ToChronoNanoseconds(kTick);
    for (Operation* rested : resting_) GoOn(*rested);
    resting_.clear();
  }

  void Verify(const Operation& operation) {
    if (MatchesPattern(operation.key, operation.value)) return;
    ++report_.wrong_values;
    if (report_.first_error.empty()) {
      report_.first_error = "a hit had a value that was not written for its key";
    }
  }

  void NoteHealth(bool ok, Clock::time_point now) {
    if (ok) {
      failing_since_.reset();
    } else if (!failing_since_) {
      failing_since_ = now;
    } else if (now - *failing_since_ > absl::ToChronoNanoseconds(kFailingMax)) {
      report_.gave_up = true;
    }
  }

  bool AtLimit() const { return options_.limit && taken_ >= *options_.limit; }

  bool Stopped() const {
    return report_.gave_up ||
           (options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed));
  }

  void ShowProgress() {
    if (!options_.progress) return;
    const Clock::time_point now = Clock::now();
    if (now < next_progress_) return;
    next_progress_ = now + absl::ToChronoNanoseconds(kProgressInterval);
    Progress progress;
    progress.elapsed = absl::FromChrono(now - begin_);
    progress.operations = report_.operations();
    progress.hits = report_.hits;
    progress.misses = report_.misses;
    progress.errors = report_.errors_total() + report_.wrong_values;
    progress.share = trace_.Progress();
    if (options_.limit) {
      const double taken = static_cast<double>(taken_) / static_cast<double>(*options_.limit);
      progress.share = std::max(progress.share.value_or(0), taken);
    }
    options_.progress(progress);
  }

  const ReplayOptions& options_;
  TraceReader& trace_;
  Engine& engine_;
  Report& report_;
  const size_t window_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point next_progress_ = begin_;
  absl::flat_hash_map<std::string, Lane> lanes_;  // of the keys in use
  std::vector<Operation*> resting_;  // after an error, so that a dead node does not eat the trace
  Clock::time_point wake_ = begin_;  // when the rests end
  TraceRequest request_;
  bool in_hand_ = false;
  bool trace_ended_ = false;
  bool waits_for_trace_ = false;  // there is room for a request that has not come yet
  size_t open_ = 0;               // requests taken and not ended
  uint64_t taken_ = 0;            // requests
  std::optional<Clock::time_point> failing_since_;
};

}  // namespace

absl::Status RunReplay(const ReplayOptions& options, TraceReader& trace, Report& report) {
  if (options.concurrency < 1 || options.concurrency > kConcurrencyMax) {
    return absl::InvalidArgumentError(absl::StrCat("concurrency must be 1..", kConcurrencyMax));
  }
  EngineOptions engine_options = options.engine;
  engine_options.connections = 1;
  engine_options.inflight = options.concurrency;
  const std::unique_ptr<Engine> engine = Engine::Create(engine_options);
  const Clock::time_point begin = Clock::now();
  absl::Status status = Replay(options, trace, *engine, report).Run();
  report.elapsed = absl::FromChrono(Clock::now() - begin);
  return status;
}

}  // namespace larder::load
