#include "client/client.h"

#include <semaphore.h>

#include <limits>

#include "absl/strings/str_cat.h"
#include "client/address.h"
#include "client/codec.h"
#include "client/core.h"
#include "client/hot_answers.h"
#include "client/hot_requests.h"
#include "client/multi_get_call.h"
#include "grpc/health/v1/health.pb.h"

namespace larder {
namespace {

// One outcome, handed from a thread of the transport to the one that waits for it. A semaphore,
// since a condition variable's waiter would run into the mutex of who wakes it.
template <typename T>
class Outcome {
 public:
  Outcome() { sem_init(&is_set_, /*pshared=*/0, 0); }
  ~Outcome() { sem_destroy(&is_set_); }
  Outcome(const Outcome&) = delete;
  Outcome& operator=(const Outcome&) = delete;

  Callback<T> Setter() {
    return [this](absl::StatusOr<T> result) {
      result_ = std::move(result);
      sem_post(&is_set_);
    };
  }

  absl::StatusOr<T> Wait() {
    while (sem_wait(&is_set_) != 0) {
    }
    return *std::move(result_);
  }

 private:
  sem_t is_set_;
  std::optional<absl::StatusOr<T>> result_;
};

using Options = ClientCall::Options;

// One whose messages are protobuf's.
template <typename Response, typename Result>
void RunMessage(ClientCore& core, const Options& options,
                const google::protobuf::MessageLite& request, Callback<Result> callback) {
  auto call = std::make_unique<DecodingCall<Result>>(options, &ReadAnswer<Response, Result>,
                                                     std::move(callback));
  WriteRequest(request, *call);
  core.Run(std::move(call));
}

template <typename Response, typename Result>
void RunItems(ClientCore& core, const Options& options,
              const google::protobuf::MessageLite& request, size_t items,
              Callback<Result> callback) {
  auto call = std::make_unique<DecodingCall<Result>>(options, &ReadItems<Response, Result>,
                                                     std::move(callback), items);
  WriteRequest(request, *call);
  core.Run(std::move(call));
}

absl::StatusOr<bool> ReadServing(std::string_view bytes, size_t /*items*/) {
  grpc::health::v1::HealthCheckResponse response;
  if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return NoMessage();
  return response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
}

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
  if (options.io_threads < 1 || options.io_threads > 64) {
    return absl::InvalidArgumentError("io_threads must be 1..64");
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

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Create(ClientOptions options) {
  absl::Status status = CheckOptions(options);
  if (!status.ok()) return status;
  absl::StatusOr<std::string> address = NormalizeAddress(options.address);
  if (!address.ok()) return address.status();
  options.address = *std::move(address);
  if (!options.runtime) options.runtime = CreateClientRuntime();
  absl::StatusOr<std::unique_ptr<ClientCore>> core = ClientCore::Create(std::move(options));
  if (!core.ok()) return core.status();
  return std::unique_ptr<Client>(new Client(*std::move(core)));
}

Client::Client(std::unique_ptr<ClientCore> core) : core_(std::move(core)) {}

Client::~Client() { core_->Drain(); }

const std::string& Client::address() const { return core_->address(); }

void Client::GetAsync(std::string_view key, const GetOptions& options,
                      Callback<GetResult> callback) {
  auto call = std::make_unique<DecodingCall<GetResult>>(Options{.operation = "Get",
                                                                .path = "/larder.v1.Cache/Get",
                                                                .idempotent = true,
                                                                .deadline = options.deadline},
                                                        &ReadGetAnswer, std::move(callback));
  WriteGetRequest(key, options, *call);
  core_->Run(std::move(call));
}

void Client::SetAsync(std::string_view key, std::string_view value, const SetOptions& options,
                      Callback<SetResult> callback) {
  auto call = std::make_unique<DecodingCall<SetResult>>(Options{.operation = "Set",
                                                                .path = "/larder.v1.Cache/Set",
                                                                .idempotent = IsIdempotent(options),
                                                                .deadline = options.deadline},
                                                        &ReadSetAnswer, std::move(callback));
  WriteSetRequest(key, value, options, *call);
  core_->Run(std::move(call));
}

void Client::DeleteAsync(std::string_view key, const DeleteOptions& options,
                         Callback<DeleteResult> callback) {
  auto call =
      std::make_unique<DecodingCall<DeleteResult>>(Options{.operation = "Delete",
                                                           .path = "/larder.v1.Cache/Delete",
                                                           .idempotent = IsIdempotent(options),
                                                           .deadline = options.deadline},
                                                   &ReadDeleteAnswer, std::move(callback));
  WriteDeleteRequest(key, options, *call);
  core_->Run(std::move(call));
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
  RunItems<v1::MultiSetResponse>(*core_,
                                 {.operation = "MultiSet",
                                  .path = "/larder.v1.Cache/MultiSet",
                                  .idempotent = idempotent,
                                  .deadline = options.deadline},
                                 ToProto(items), items.size(), std::move(callback));
}

void Client::MultiDeleteAsync(const std::vector<DeleteItem>& items, const MultiOptions& options,
                              Callback<MultiDeleteResult> callback) {
  bool idempotent = true;
  for (const DeleteItem& item : items) idempotent = idempotent && IsIdempotent(item.options);
  RunItems<v1::MultiDeleteResponse>(*core_,
                                    {.operation = "MultiDelete",
                                     .path = "/larder.v1.Cache/MultiDelete",
                                     .idempotent = idempotent,
                                     .deadline = options.deadline},
                                    ToProto(items), items.size(), std::move(callback));
}

void Client::LeaseAsync(std::string_view key, const LeaseOptions& options,
                        Callback<LeaseResult> callback) {
  RunMessage<v1::LeaseResponse>(*core_,
                                {.operation = "Lease",
                                 .path = "/larder.v1.Cache/Lease",
                                 .idempotent = true,
                                 .deadline = options.deadline},
                                ToProto(key, options), std::move(callback));
}

void Client::TouchAsync(std::string_view key, const TouchOptions& options,
                        Callback<TouchResult> callback) {
  RunMessage<v1::TouchResponse>(*core_,
                                {.operation = "Touch",
                                 .path = "/larder.v1.Cache/Touch",
                                 .idempotent = true,
                                 .deadline = options.deadline},
                                ToProto(key, options), std::move(callback));
}

void Client::IncrementAsync(std::string_view key, const IncrementOptions& options,
                            Callback<IncrementResult> callback) {
  RunMessage<v1::IncrementResponse>(*core_,
                                    {.operation = "Increment",
                                     .path = "/larder.v1.Cache/Increment",
                                     .deadline = options.deadline},
                                    ToProto(key, options), std::move(callback));
}

void Client::AppendAsync(std::string_view key, std::string_view bytes, const AppendOptions& options,
                         Callback<AppendResult> callback) {
  RunMessage<v1::AppendResponse>(
      *core_,
      {.operation = "Append", .path = "/larder.v1.Cache/Append", .deadline = options.deadline},
      ToProto(key, bytes, options), std::move(callback));
}

void Client::ScanAsync(const ScanOptions& options, Callback<ScanResult> callback) {
  RunMessage<v1::ScanResponse>(*core_,
                               {.operation = "Scan",
                                .path = "/larder.v1.Cache/Scan",
                                .idempotent = true,
                                .deadline = options.deadline},
                               ToProto(options), std::move(callback));
}

void Client::StatsAsync(const StatsOptions& options, Callback<StatsResult> callback) {
  RunMessage<v1::StatsResponse>(*core_,
                                {.operation = "Stats",
                                 .path = "/larder.v1.Maintenance/Stats",
                                 .idempotent = true,
                                 .deadline = options.deadline},
                                v1::StatsRequest(), std::move(callback));
}

void Client::FlushAsync(const FlushOptions& options, Callback<FlushResult> callback) {
  v1::FlushRequest request;
  if (options.slot) request.set_slot(*options.slot);
  RunMessage<v1::FlushResponse>(
      *core_,
      {.operation = "Flush", .path = "/larder.v1.Maintenance/Flush", .deadline = options.deadline},
      request, std::move(callback));
}

void Client::DigestAsync(const DigestOptions& options, Callback<DigestResult> callback) {
  v1::DigestRequest request;
  if (options.slot) request.set_slot(*options.slot);
  RunMessage<v1::DigestResponse>(*core_,
                                 {.operation = "Digest",
                                  .path = "/larder.v1.Maintenance/Digest",
                                  .idempotent = true,
                                  .deadline = options.deadline},
                                 request, std::move(callback));
}

void Client::ReplicaOfAsync(std::string_view endpoint, const ReplicaOfOptions& options,
                            Callback<ReplicaOfResult> callback) {
  v1::ReplicaOfRequest request;
  request.set_endpoint(std::string(endpoint));
  RunMessage<v1::ReplicaOfResponse>(*core_,
                                    {.operation = "ReplicaOf",
                                     .path = "/larder.v1.Cluster/ReplicaOf",
                                     .deadline = options.deadline},
                                    request, std::move(callback));
}

void Client::ReplicationAsync(const ReplicationOptions& options,
                              Callback<ReplicationResult> callback) {
  RunMessage<v1::ReplicationResponse>(*core_,
                                      {.operation = "Replication",
                                       .path = "/larder.v1.Cluster/Replication",
                                       .idempotent = true,
                                       .deadline = options.deadline},
                                      v1::ReplicationRequest(), std::move(callback));
}

void Client::GetConfigAsync(const GetConfigOptions& options, Callback<GetConfigResult> callback) {
  v1::GetConfigRequest request;
  request.set_name(options.name);
  RunMessage<v1::GetConfigResponse>(*core_,
                                    {.operation = "GetConfig",
                                     .path = "/larder.v1.Maintenance/GetConfig",
                                     .idempotent = true,
                                     .deadline = options.deadline},
                                    request, std::move(callback));
}

void Client::SetConfigAsync(const std::vector<ConfigSetting>& settings,
                            const SetConfigOptions& options, Callback<SetConfigResult> callback) {
  RunMessage<v1::SetConfigResponse>(*core_,
                                    {.operation = "SetConfig",
                                     .path = "/larder.v1.Maintenance/SetConfig",
                                     .idempotent = true,
                                     .deadline = options.deadline},
                                    ToProto(settings), std::move(callback));
}

void Client::PingAsync(const PingOptions& options, Callback<PingResult> callback) {
  ClientCore& core = *core_;
  auto call = std::make_unique<DecodingCall<bool>>(
      Options{.operation = "Ping",
              .path = "/grpc.health.v1.Health/Check",
              .retry = false,
              .deadline = options.deadline},
      &ReadServing,
      [&core, begin = core.runtime().Now(),
       callback = std::move(callback)](absl::StatusOr<bool> is_serving) {
        if (!is_serving.ok()) return callback(std::move(is_serving).status());
        callback(PingResult{*is_serving, core.runtime().Now() - begin});
      });
  WriteRequest(grpc::health::v1::HealthCheckRequest(), *call);
  core.Run(std::move(call));
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

absl::StatusOr<DigestResult> Client::Digest(const DigestOptions& options) {
  Outcome<DigestResult> outcome;
  DigestAsync(options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<ReplicaOfResult> Client::ReplicaOf(std::string_view endpoint,
                                                  const ReplicaOfOptions& options) {
  Outcome<ReplicaOfResult> outcome;
  ReplicaOfAsync(endpoint, options, outcome.Setter());
  return outcome.Wait();
}

absl::StatusOr<ReplicationResult> Client::Replication(const ReplicationOptions& options) {
  Outcome<ReplicationResult> outcome;
  ReplicationAsync(options, outcome.Setter());
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
