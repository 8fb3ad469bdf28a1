#ifndef LARDER_CLIENT_CORE_H_
#define LARDER_CLIENT_CORE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "client/channel/mutex.h"
#include "client/client.h"
#include "client/status.h"
#include "client/transport.h"

namespace larder {

class ClientCore;

// A call with its retries. Owns itself from ClientCore::Run on.
class ClientCall : public ChannelCall {
 public:
  struct Options {
    const char* operation;
    std::string_view path;  // "/package.Service/Method"; a constant
    bool idempotent = false;
    bool retry = true;
    std::optional<absl::Duration> deadline = {};
  };

  explicit ClientCall(const Options& call_options) : options(call_options) { path = options.path; }

  void OnDone() final;
  // Called once. OK: `response` is the answer.
  virtual void Deliver(absl::Status outcome) = 0;

  const Options options;
  ClientCore* core = nullptr;
  absl::Time ends_at;
  int attempts_made = 0;
};

// One whose answer is decoded to a Result.
template <typename Result>
class DecodingCall final : public ClientCall {
 public:
  // `items`: of a multi-key call. INTERNAL: the answer breaks the contract.
  using Decode = absl::StatusOr<Result> (*)(std::string_view answer, size_t items);

  DecodingCall(const Options& call_options, Decode decode, Callback<Result> callback,
               size_t items = 0)
      : ClientCall(call_options), decode_(decode), callback_(std::move(callback)), items_(items) {}

  void Deliver(absl::Status outcome) override {
    if (outcome.ok()) {
      callback_(decode_(response, items_));
    } else {
      callback_(std::move(outcome));
    }
  }

 private:
  const Decode decode_;
  const Callback<Result> callback_;
  const size_t items_;
};

// What a Client and its running calls share. Thread-safe. Internal.
class ClientCore {
 public:
  // Errors as Client::Create.
  static absl::StatusOr<std::unique_ptr<ClientCore>> Create(ClientOptions options);

  // Runs a call whose request is written; Deliver() is its end.
  void Run(std::unique_ptr<ClientCall> call);

  // Waits until no call runs. Later ones end with CANCELLED, retries with the error before them.
  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string& address() const { return options_.address; }
  ClientRuntime& runtime() { return *options_.runtime; }
  absl::Duration DeadlineOr(const std::optional<absl::Duration>& deadline) const {
    return deadline.value_or(options_.deadline);
  }

 private:
  friend class ClientCall;

  explicit ClientCore(ClientOptions options);

  void Attempt(ClientCall& call);
  void AttemptDone(ClientCall& call);
  void Finish(ClientCall& call, absl::Status outcome);

  // False: the client is going away.
  bool BeginCall() ABSL_LOCKS_EXCLUDED(mutex_);
  void EndCall() ABSL_LOCKS_EXCLUDED(mutex_);
  bool closing() ABSL_LOCKS_EXCLUDED(mutex_);

  // Says which operation and which node an error is about.
  absl::Status Describe(const ClientCall::Options& call, const RpcError& error) const;

  const ClientOptions options_;
  const RetryPolicy policy_;

  Mutex mutex_;
  CondVar idle_;
  int calls_running_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;

  std::unique_ptr<Transport> transport_;  // the first to go
};

}  // namespace larder

#endif  // LARDER_CLIENT_CORE_H_
