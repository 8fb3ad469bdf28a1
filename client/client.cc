#include "client/client.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "client/address.h"
#include "client/core.h"
#include "client/messages.h"

namespace larder {
namespace {

// One outcome, handed from a gRPC thread to the one that waits for it.
template <typename T>
class Outcome {
 public:
  Callback<T> Setter() {
    return [this](absl::StatusOr<T> result) {
      MutexLock lock(mutex_);
      result_ = std::move(result);
      set_.SignalAll();
    };
  }

  absl::StatusOr<T> Wait() {
    MutexLock lock(mutex_);
    while (!result_) set_.Wait(mutex_);
    return *std::move(result_);
  }

 private:
  Mutex mutex_;
  CondVar set_;
  std::optional<absl::StatusOr<T>> result_ ABSL_GUARDED_BY(mutex_);
};

// Turns the answer's message into the caller's struct.
template <typename Response, typename Result>
std::function<void(absl::StatusOr<Response>)> Deliver(Callback<Result> callback) {
  return [callback = std::move(callback)](absl::StatusOr<Response> response) {
    if (!response.ok()) {
      callback(std::move(response).status());
    } else {
      callback(FromProto(*response));
    }
  };
}

template <typename Response, typename Result>
std::function<void(absl::StatusOr<Response>)> DeliverItems(size_t items,
                                                           Callback<Result> callback) {
  return [items, callback = std::move(callback)](absl::StatusOr<Response> response) {
    if (!response.ok()) {
      callback(std::move(response).status());
    } else {
      callback(FromProto(*response, items));
    }
  };
}

// How a stub begins SERVICE.METHOD.
#define LARDER_CALL(SERVICE, METHOD)                                                           \
  [](Connection& connection, grpc::ClientContext* context, const v1::METHOD##Request* message, \
     v1::METHOD##Response* response, std::function<void(grpc::Status)> done) {                 \
    connection.SERVICE->async()->METHOD(context, message, response, std::move(done));          \
  }
#define LARDER_CACHE_CALL(METHOD) LARDER_CALL(cache, METHOD)
#define LARDER_MAINTENANCE_CALL(METHOD) LARDER_CALL(maintenance, METHOD)

absl::Status CheckOptions(const ClientOptions& options) {
  if (options.deadline <= absl::ZeroDuration() || options.deadline == absl::InfiniteDuration()) {
    return absl::InvalidArgumentError("deadline must be finite and more than 0");
  }
  if (options.connect_timeout < absl::Milliseconds(1) ||
      options.connect_timeout > absl::Minutes(10)) {
    return absl::InvalidArgumentError("connect_timeout must be 1ms..10m");
  }
  if (options.connections < 1 || options.connections > 1024) {
    return absl::InvalidArgumentError("connections must be 1..1024");
  }
  if (options.retry.attempts_max < 1) {
    return absl::InvalidArgumentError("retry.attempts_max must be at least 1");
  }
  if (options.retry.backoff_initial < absl::ZeroDuration() ||
      options.retry.backoff_max < options.retry.backoff_initial) {
    return absl::InvalidArgumentError("retry backoffs must be 0 <= initial <= max");
  }
  if (options.max_receive_bytes < 1024 ||
      options.max_receive_bytes > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError("max_receive_bytes must be 1024..2147483647");
  }
  return absl::OkStatus();
}

// A MultiGet that asks again for the items that the node left out, while that makes progress.
class MultiGetCall : public std::enable_shared_from_this<MultiGetCall> {
 public:
  MultiGetCall(ClientCore* core, std::vector<std::string> keys, const MultiOptions& options,
               Callback<MultiGetResult> callback)
      : core_(core),
        keys_(std::move(keys)),
        deadline_(core_->runtime().Now() + core_->DeadlineOr(options.deadline)),
        callback_(std::move(callback)),
        results_(keys_.size(), absl::UnknownError("not asked")) {
    for (size_t i = 0; i < keys_.size(); ++i) missing_.push_back(i);
  }

  void Ask(const std::optional<absl::Duration>& deadline) {
    std::vector<std::string> keys;
    for (const size_t i : missing_) keys.push_back(keys_[i]);
    core_->Run<v1::MultiGetRequest, v1::MultiGetResponse>(
        {.operation = "MultiGet", .idempotent = true, .deadline = deadline}, ToProto(keys),
        LARDER_CACHE_CALL(MultiGet),
        DeliverItems<v1::MultiGetResponse, MultiGetResult>(
            missing_.size(), [self = shared_from_this()](absl::StatusOr<MultiGetResult> answer) {
              self->Answered(std::move(answer));
            }));
  }

 private:
  void Answered(absl::StatusOr<MultiGetResult> answer) {
    if (!answer.ok()) {
      if (missing_.size() == keys_.size()) return callback_(answer.status());
      for (const size_t i : missing_) results_[i] = answer.status();
      return callback_(std::move(results_));
    }
    std::vector<size_t> left_out;
    for (size_t i = 0; i < missing_.size(); ++i) {
      if ((*answer)[i].status().code() == absl::StatusCode::kResourceExhausted) {
        left_out.push_back(missing_[i]);
      }
      results_[missing_[i]] = std::move((*answer)[i]);
    }
    const bool progress = left_out.size() < missing_.size();
    const absl::Duration remaining = deadline_ - core_->runtime().Now();
    if (left_out.empty() || !progress || remaining <= absl::ZeroDuration()) {
      return callback_(std::move(results_));
    }
    missing_ = std::move(left_out);
    Ask(remaining);
  }

  ClientCore* const core_;
  const std::vector<std::string> keys_;
  const absl::Time deadline_;
  const Callback<MultiGetResult> callback_;
  MultiGetResult results_;
  std::vector<size_t> missing_;  // indices of results_
};

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Create(ClientOptions options) {
  absl::Status status = CheckOptions(options);
  if (!status.ok()) return status;
  absl::StatusOr<std::string> address = NormalizeAddress(options.address);
  if (!address.ok()) return address.status();
  options.address = *std::move(address);
  std::optional<TlsMaterial> tls;
  if (options.tls.has_value()) {
    absl::StatusOr<TlsMaterial> material = ReadTlsOptions(*options.tls);
    if (!material.ok()) return material.status();
    tls = *std::move(material);
  }
  if (!options.runtime) options.runtime = CreateClientRuntime();
  return std::unique_ptr<Client>(
      new Client(std::make_unique<ClientCore>(std::move(options), std::move(tls))));
}

Client::Client(std::unique_ptr<ClientCore> core) : core_(std::move(core)) {}

Client::~Client() { core_->Drain(); }

const std::string& Client::address() const { return core_->address(); }

void Client::GetAsync(std::string_view key, const GetOptions& options,
                      Callback<GetResult> callback) {
  core_->Run<v1::GetRequest, v1::GetResponse>(
      {.operation = "Get", .idempotent = true, .deadline = options.deadline}, ToProto(key, options),
      LARDER_CACHE_CALL(Get), Deliver<v1::GetResponse>(std::move(callback)));
}

void Client::SetAsync(std::string_view key, std::string_view value, const SetOptions& options,
                      Callback<SetResult> callback) {
  core_->Run<v1::SetRequest, v1::SetResponse>(
      {.operation = "Set", .idempotent = IsIdempotent(options), .deadline = options.deadline},
      ToProto(key, value, options), LARDER_CACHE_CALL(Set),
      Deliver<v1::SetResponse>(std::move(callback)));
}

void Client::DeleteAsync(std::string_view key, const DeleteOptions& options,
                         Callback<DeleteResult> callback) {
  core_->Run<v1::DeleteRequest, v1::DeleteResponse>(
      {.operation = "Delete", .idempotent = IsIdempotent(options), .deadline = options.deadline},
      ToProto(key, options), LARDER_CACHE_CALL(Delete),
      Deliver<v1::DeleteResponse>(std::move(callback)));
}

void Client::LeaseAsync(std::string_view key, const LeaseOptions& options,
                        Callback<LeaseResult> callback) {
  core_->Run<v1::LeaseRequest, v1::LeaseResponse>(
      {.operation = "Lease", .idempotent = true, .deadline = options.deadline},
      ToProto(key, options), LARDER_CACHE_CALL(Lease),
      Deliver<v1::LeaseResponse>(std::move(callback)));
}

void Client::MultiGetAsync(const std::vector<std::string>& keys, const MultiOptions& options,
                           Callback<MultiGetResult> callback) {
  std::make_shared<MultiGetCall>(core_.get(), keys, options, std::move(callback))
      ->Ask(options.deadline);
}

void Client::MultiSetAsync(const std::vector<SetItem>& items, const MultiOptions& options,
                           Callback<MultiSetResult> callback) {
  bool idempotent = true;
  for (const SetItem& item : items) idempotent = idempotent && IsIdempotent(item.options);
  core_->Run<v1::MultiSetRequest, v1::MultiSetResponse>(
      {.operation = "MultiSet", .idempotent = idempotent, .deadline = options.deadline},
      ToProto(items), LARDER_CACHE_CALL(MultiSet),
      DeliverItems<v1::MultiSetResponse>(items.size(), std::move(callback)));
}

void Client::MultiDeleteAsync(const std::vector<DeleteItem>& items, const MultiOptions& options,
                              Callback<MultiDeleteResult> callback) {
  bool idempotent = true;
  for (const DeleteItem& item : items) idempotent = idempotent && IsIdempotent(item.options);
  core_->Run<v1::MultiDeleteRequest, v1::MultiDeleteResponse>(
      {.operation = "MultiDelete", .idempotent = idempotent, .deadline = options.deadline},
      ToProto(items), LARDER_CACHE_CALL(MultiDelete),
      DeliverItems<v1::MultiDeleteResponse>(items.size(), std::move(callback)));
}

void Client::TouchAsync(std::string_view key, const TouchOptions& options,
                        Callback<TouchResult> callback) {
  core_->Run<v1::TouchRequest, v1::TouchResponse>(
      {.operation = "Touch", .idempotent = true, .deadline = options.deadline},
      ToProto(key, options), LARDER_CACHE_CALL(Touch),
      Deliver<v1::TouchResponse>(std::move(callback)));
}

void Client::IncrementAsync(std::string_view key, const IncrementOptions& options,
                            Callback<IncrementResult> callback) {
  core_->Run<v1::IncrementRequest, v1::IncrementResponse>(
      {.operation = "Increment", .deadline = options.deadline}, ToProto(key, options),
      LARDER_CACHE_CALL(Increment), Deliver<v1::IncrementResponse>(std::move(callback)));
}

void Client::AppendAsync(std::string_view key, std::string_view bytes, const AppendOptions& options,
                         Callback<AppendResult> callback) {
  core_->Run<v1::AppendRequest, v1::AppendResponse>(
      {.operation = "Append", .deadline = options.deadline}, ToProto(key, bytes, options),
      LARDER_CACHE_CALL(Append), Deliver<v1::AppendResponse>(std::move(callback)));
}

void Client::ScanAsync(const ScanOptions& options, Callback<ScanResult> callback) {
  core_->Run<v1::ScanRequest, v1::ScanResponse>(
      {.operation = "Scan", .idempotent = true, .deadline = options.deadline}, ToProto(options),
      LARDER_CACHE_CALL(Scan), Deliver<v1::ScanResponse>(std::move(callback)));
}

void Client::StatsAsync(const StatsOptions& options, Callback<StatsResult> callback) {
  core_->Run<v1::StatsRequest, v1::StatsResponse>(
      {.operation = "Stats", .idempotent = true, .deadline = options.deadline}, {},
      LARDER_MAINTENANCE_CALL(Stats), Deliver<v1::StatsResponse>(std::move(callback)));
}

void Client::FlushAsync(const FlushOptions& options, Callback<FlushResult> callback) {
  v1::FlushRequest request;
  if (options.slot) request.set_slot(*options.slot);
  core_->Run<v1::FlushRequest, v1::FlushResponse>(
      {.operation = "Flush", .deadline = options.deadline}, std::move(request),
      LARDER_MAINTENANCE_CALL(Flush), Deliver<v1::FlushResponse>(std::move(callback)));
}

void Client::GetConfigAsync(const GetConfigOptions& options, Callback<GetConfigResult> callback) {
  v1::GetConfigRequest request;
  request.set_name(options.name);
  core_->Run<v1::GetConfigRequest, v1::GetConfigResponse>(
      {.operation = "GetConfig", .idempotent = true, .deadline = options.deadline},
      std::move(request), LARDER_MAINTENANCE_CALL(GetConfig),
      Deliver<v1::GetConfigResponse>(std::move(callback)));
}

void Client::SetConfigAsync(const std::vector<ConfigSetting>& settings,
                            const SetConfigOptions& options, Callback<SetConfigResult> callback) {
  core_->Run<v1::SetConfigRequest, v1::SetConfigResponse>(
      {.operation = "SetConfig", .idempotent = true, .deadline = options.deadline},
      ToProto(settings), LARDER_MAINTENANCE_CALL(SetConfig),
      Deliver<v1::SetConfigResponse>(std::move(callback)));
}

void Client::PingAsync(const PingOptions& options, Callback<PingResult> callback) {
  using Request = grpc::health::v1::HealthCheckRequest;
  using Response = grpc::health::v1::HealthCheckResponse;
  const absl::Time begin = core_->runtime().Now();
  core_->Run<Request, Response>(
      {.operation = "Ping", .retry = false, .deadline = options.deadline}, {},
      [](Connection& connection, grpc::ClientContext* context, const Request* request,
         Response* response, std::function<void(grpc::Status)> done) {
        connection.health->async()->Check(context, request, response, std::move(done));
      },
      [core = core_.get(), begin,
       callback = std::move(callback)](absl::StatusOr<Response> response) {
        if (!response.ok()) return callback(std::move(response).status());
        callback(
            PingResult{response->status() == Response::SERVING, core->runtime().Now() - begin});
      });
}

// The blocking forms.

absl::StatusOr<GetResult> Client::Get(std::string_view key, const GetOptions& options) {
  Outcome<GetResult> outcome;
  GetAsync(key, options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<SetResult> Client::Set(std::string_view key, std::string_view value,
                                      const SetOptions& options) {
  Outcome<SetResult> outcome;
  SetAsync(key, value, options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<DeleteResult> Client::Delete(std::string_view key, const DeleteOptions& options) {
  Outcome<DeleteResult> outcome;
  DeleteAsync(key, options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<LeaseResult> Client::Lease(std::string_view key, const LeaseOptions& options) {
  Outcome<LeaseResult> outcome;
  LeaseAsync(key, options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<MultiGetResult> Client::MultiGet(const std::vector<std::string>& keys,
                                                const MultiOptions& options) {
  Outcome<MultiGetResult> outcome;
  MultiGetAsync(keys, options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<MultiSetResult> Client::MultiSet(const std::vector<SetItem>& items,
                                                const MultiOptions& options) {
  Outcome<MultiSetResult> outcome;
  MultiSetAsync(items, options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<MultiDeleteResult> Client::MultiDelete(const std::vector<DeleteItem>& items,
                                                      const MultiOptions& options) {
  Outcome<MultiDeleteResult> outcome;
  MultiDeleteAsync(items, options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<TouchResult> Client::Touch(std::string_view key, const TouchOptions& options) {
  Outcome<TouchResult> outcome;
  TouchAsync(key, options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<IncrementResult> Client::Increment(std::string_view key,
                                                  const IncrementOptions& options) {
  Outcome<IncrementResult> outcome;
  IncrementAsync(key, options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<AppendResult> Client::Append(std::string_view key, std::string_view bytes,
                                            const AppendOptions& options) {
  Outcome<AppendResult> outcome;
  AppendAsync(key, bytes, options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<ScanResult> Client::Scan(const ScanOptions& options) {
  Outcome<ScanResult> outcome;
  ScanAsync(options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<StatsResult> Client::Stats(const StatsOptions& options) {
  Outcome<StatsResult> outcome;
  StatsAsync(options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<FlushResult> Client::Flush(const FlushOptions& options) {
  Outcome<FlushResult> outcome;
  FlushAsync(options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<GetConfigResult> Client::GetConfig(const GetConfigOptions& options) {
  Outcome<GetConfigResult> outcome;
  GetConfigAsync(options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<SetConfigResult> Client::SetConfig(const std::vector<ConfigSetting>& settings,
                                                  const SetConfigOptions& options) {
  Outcome<SetConfigResult> outcome;
  SetConfigAsync(settings, options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<PingResult> Client::Ping(const PingOptions& options) {
  Outcome<PingResult> outcome;
  PingAsync(options, outcome.Setter());
  return outcome.Wait();
}

}  // namespace larder
