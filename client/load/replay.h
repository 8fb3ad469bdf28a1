#ifndef LARDER_CLIENT_LOAD_REPLAY_H_
#define LARDER_CLIENT_LOAD_REPLAY_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/load/engine.h"
#include "client/load/report.h"
#include "client/measure/trace_reader.h"

namespace larder::load {

// What `concurrency` may be.
inline constexpr int kConcurrencyMax = 65536;

struct ReplayOptions {
  EngineOptions engine;        // one connection; `inflight` is set from `concurrency`
  uint32_t value_bytes = 100;  // for lines that name no size
  // Requests in flight at once. 1: one after the other, so that the node sees exactly the trace.
  int concurrency = 1;
  std::optional<uint64_t> limit;                  // requests; absent: all
  std::function<void(const Progress&)> progress;  // a few times a second
  const std::atomic<bool>* stop = nullptr;        // true: end early
};

// Replays a trace as a program with a cache beside its database would: Get, and on a miss Set.
// Values follow from key and size and are checked on a hit.
//
// With a concurrency of N requests begin in the trace's order, except that one whose key is still
// in use waits for it while others go on; at most 2 N are begun or waiting. So requests of one key
// keep their order, and two of different keys trade places only if they are less than 2 N lines
// apart: next to a cache of thousands of entries that does not move the hit ratio.
//
// A trace that comes by a pipe is read as it comes: operations go on, and `stop` counts, while it
// lets one wait.
//
// What was done is in `report` also when the trace turns out to be broken: then the codes of
// TraceReader. INVALID_ARGUMENT also for an option out of range. Errors of operations are counted
// in the report, and a request that failed keeps its place in flight for up to 50 ms, so that a
// dead node does not eat the trace; after ten seconds of nothing but errors the replay ends early.
absl::Status RunReplay(const ReplayOptions& options, TraceReader& trace, Report& report);

}  // namespace larder::load

#endif  // LARDER_CLIENT_LOAD_REPLAY_H_
