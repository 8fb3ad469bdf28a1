#ifndef LARDER_CLIENT_LOAD_ENGINE_H_
#define LARDER_CLIENT_LOAD_ENGINE_H_

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/channel/mutex.h"
#include "client/tls_options.h"

namespace larder::load {

using Clock = std::chrono::steady_clock;

enum class Api { kUnary, kPipeline };

struct EngineOptions {
  std::string address = "127.0.0.1:7600";  // as NormalizeAddress returns it
  Api api = Api::kUnary;
  int connections = 1;
  int inflight = 1;                           // operations per connection
  absl::Duration timeout = absl::Seconds(5);  // of one operation
  std::optional<absl::Duration> ttl;          // of Sets
  size_t max_receive_bytes = size_t{64} << 20;
  std::optional<TlsMaterial> tls;  // absent: plaintext
};

// One Get or Set, and the room for its answer. Belongs to an engine and is used again and again.
struct Operation {
  enum class Kind { kGet, kSet };

  Kind kind = Kind::kGet;
  std::string key;
  std::string value;        // Set: what to write. Get, when found: what was read
  Clock::time_point begin;  // latency counts from here; the caller sets it

  // The outcome.
  absl::Status status;
  bool found = false;  // Get
};

// Operations in flight over some connections, on one completion queue, without retries.
// Acquire, Release and Start are thread-safe; Next is for one thread, on which all I/O happens.
// Memory is bounded by connections * inflight operations.
class Engine {
 public:
  static std::unique_ptr<Engine> Create(const EngineOptions& options);

  // Cancels what is in flight. REQUIRES: no other call is running.
  virtual ~Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // A free operation, spread over the connections; nullptr: there is none.
  Operation* Acquire() ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits for one. nullptr: Close was called.
  Operation* AcquireWait() ABSL_LOCKS_EXCLUDED(mutex_);
  void Close() ABSL_LOCKS_EXCLUDED(mutex_);
  void Release(Operation& operation) ABSL_LOCKS_EXCLUDED(mutex_);

  // Sends it; Next returns it when it has ended. REQUIRES: acquired, not in flight.
  virtual void Start(Operation& operation) = 0;

  // The next operation that has ended, to be started again or released; nullptr: none within
  // `wait`.
  virtual Operation* Next(absl::Duration wait) = 0;

 protected:
  Engine() = default;

  void AddFree(Operation& operation) { Release(operation); }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<Operation*> free_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

std::unique_ptr<Engine> CreateUnaryEngine(const EngineOptions& options);
std::unique_ptr<Engine> CreatePipelineEngine(const EngineOptions& options);

}  // namespace larder::load

#endif  // LARDER_CLIENT_LOAD_ENGINE_H_
