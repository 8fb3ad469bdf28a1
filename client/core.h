#ifndef LARDER_CLIENT_CORE_H_
#define LARDER_CLIENT_CORE_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/client.h"
#include "client/mutex.h"
#include "client/status.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "larder/v1/admin.grpc.pb.h"
#include "larder/v1/cache.grpc.pb.h"

namespace larder {

// Channel and stubs of one TCP connection.
struct Connection {
  explicit Connection(std::shared_ptr<grpc::Channel> channel)
      : cache(v1::Cache::NewStub(channel)),
        maintenance(v1::Maintenance::NewStub(channel)),
        health(grpc::health::v1::Health::NewStub(channel)) {}

  std::unique_ptr<v1::Cache::Stub> cache;
  std::unique_ptr<v1::Maintenance::Stub> maintenance;
  std::unique_ptr<grpc::health::v1::Health::Stub> health;
};

// What a Client and its running calls share. Thread-safe. Internal: includes grpcpp.
// Channels must die on the thread of ~Client: gRPC's Channel, when it is the last one with
// callbacks, joins the threads that run these, and a thread cannot join itself. So calls do not own
// the core, and free their ClientContext, which owns its channel, before they count as ended.
class ClientCore {
 public:
  // `tls`: what is in the files of options.tls.
  ClientCore(ClientOptions options, std::optional<TlsMaterial> tls);

  struct CallOptions {
    const char* operation;
    bool idempotent = false;
    bool retry = true;
    std::optional<absl::Duration> deadline;
  };

  template <typename Request, typename Response>
  using StartAttempt = void (*)(Connection&, grpc::ClientContext*, const Request*, Response*,
                                std::function<void(grpc::Status)>);

  // Runs a call with its retries; `done` is called once.
  template <typename Request, typename Response>
  void Run(const CallOptions& call, Request request, StartAttempt<Request, Response> start,
           std::function<void(absl::StatusOr<Response>)> done);

  // Waits until no call runs. Later ones end with CANCELLED, retries with the error before them.
  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string& address() const { return options_.address; }
  ClientRuntime& runtime() { return *options_.runtime; }
  absl::Duration DeadlineOr(const std::optional<absl::Duration>& deadline) const {
    return deadline.value_or(options_.deadline);
  }

 private:
  template <typename Request, typename Response>
  struct Call;

  template <typename Request, typename Response>
  void Attempt(std::shared_ptr<Call<Request, Response>> call);
  template <typename Request, typename Response>
  void AttemptDone(std::shared_ptr<Call<Request, Response>> call, const grpc::Status& status);
  template <typename Request, typename Response>
  void Finish(Call<Request, Response>& call, absl::StatusOr<Response> result);

  // False: the client is going away.
  bool BeginCall() ABSL_LOCKS_EXCLUDED(mutex_);
  void EndCall() ABSL_LOCKS_EXCLUDED(mutex_);
  bool closing() ABSL_LOCKS_EXCLUDED(mutex_);

  Connection& NextConnection() {
    return connections_[next_connection_.fetch_add(1, std::memory_order_relaxed) %
                        connections_.size()];
  }

  // Says which operation and which node an error is about.
  absl::Status Describe(const CallOptions& call, const RpcError& error) const;

  const ClientOptions options_;
  const RetryPolicy policy_;
  std::vector<Connection> connections_;
  std::atomic<uint32_t> next_connection_{0};

  Mutex mutex_;
  CondVar idle_;
  int calls_running_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
};

template <typename Request, typename Response>
struct ClientCore::Call {
  ClientCore* core;
  CallOptions options;
  Request request;
  StartAttempt<Request, Response> start;
  std::function<void(absl::StatusOr<Response>)> done;
  absl::Time deadline;
  int attempts_made = 0;
  std::unique_ptr<grpc::ClientContext> context;  // one per attempt
  Response response;
};

template <typename Request, typename Response>
void ClientCore::Run(const CallOptions& call, Request request,
                     StartAttempt<Request, Response> start,
                     std::function<void(absl::StatusOr<Response>)> done) {
  const absl::Duration deadline = DeadlineOr(call.deadline);
  if (deadline <= absl::ZeroDuration() || deadline == absl::InfiniteDuration()) {
    done(absl::InvalidArgumentError("deadline must be finite and more than 0"));
    return;
  }
  if (!BeginCall()) {
    done(absl::CancelledError("the client is being destroyed"));
    return;
  }
  auto state = std::make_shared<Call<Request, Response>>();
  state->core = this;
  state->options = call;
  state->request = std::move(request);
  state->start = start;
  state->done = std::move(done);
  state->deadline = runtime().Now() + deadline;
  Attempt(std::move(state));
}

template <typename Request, typename Response>
void ClientCore::Attempt(std::shared_ptr<Call<Request, Response>> call) {
  ++call->attempts_made;
  call->context = std::make_unique<grpc::ClientContext>();
  call->response.Clear();
  call->context->set_deadline(std::chrono::system_clock::now() +
                              absl::ToChronoNanoseconds(call->deadline - runtime().Now()));
  Call<Request, Response>& state = *call;
  state.start(NextConnection(), state.context.get(), &state.request, &state.response,
              [call = std::move(call)](grpc::Status status) {
                ClientCore& core = *call->core;
                core.AttemptDone(call, status);
              });
}

template <typename Request, typename Response>
void ClientCore::AttemptDone(std::shared_ptr<Call<Request, Response>> call,
                             const grpc::Status& status) {
  if (status.ok()) {
    Finish(*call, absl::StatusOr<Response>(std::move(call->response)));
    return;
  }
  const RpcError error = InterpretRpcStatus(
      {static_cast<int>(status.error_code()), status.error_message(), status.error_details()});
  std::optional<absl::Duration> delay;
  if (call->options.retry && !closing()) {
    RetryPolicy::Context context;
    context.idempotent = call->options.idempotent;
    context.attempts_made = call->attempts_made;
    context.remaining = call->deadline - runtime().Now();
    context.jitter = runtime().Random();
    delay = policy_.DelayBeforeRetry(error.failure, context);
  }
  if (!delay) {
    Finish(*call, absl::StatusOr<Response>(Describe(call->options, error)));
    return;
  }
  runtime().RunAfter(*delay, [call = std::move(call), error] {
    ClientCore& core = *call->core;
    if (core.closing() || call->deadline <= core.runtime().Now()) {
      core.Finish(*call, absl::StatusOr<Response>(core.Describe(call->options, error)));
    } else {
      core.Attempt(call);
    }
  });
}

template <typename Request, typename Response>
void ClientCore::Finish(Call<Request, Response>& call, absl::StatusOr<Response> result) {
  call.context.reset();
  call.done(std::move(result));
  EndCall();
}

}  // namespace larder

#endif  // LARDER_CLIENT_CORE_H_
