#ifndef LARDER_CLIENT_CLIENT_H_
#define LARDER_CLIENT_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/replication_types.h"
#include "client/retry_policy.h"
#include "client/runtime.h"
#include "client/tls_options.h"
#include "client/types.h"

namespace larder {

class ClientCore;

struct ClientOptions {
  enum class Transport {
    kNative,  // our own gRPC over HTTP/2
    kGrpcpp,  // grpc++, for comparison and as a way out
  };

  // host:port of a node; without a port 7600; IPv6 as [::1]:7600; or unix:/path.
  std::string address = "127.0.0.1:7600";
  // The deadline of each call that names none, retries included. Finite and more than 0.
  absl::Duration deadline = absl::Seconds(1);
  // The time for one attempt to connect; a call's deadline ends it earlier.
  absl::Duration connect_timeout = absl::Seconds(1);
  // Absent: plaintext.
  std::optional<TlsOptions> tls;
  // With `tls`: what is in its files, which are then not read.
  std::optional<TlsMaterial> tls_material;
  RetryOptions retry;
  // TCP connections, used in turn. 1..1024.
  int connections = 1;
  Transport transport = Transport::kNative;
  // Threads that send, receive and run callbacks, with kNative; the connections are spread over
  // them. 1..64.
  int io_threads = 1;
  // Larger answers are RESOURCE_EXHAUSTED.
  size_t max_receive_bytes = size_t{8} << 20;
  // Absent: CreateClientRuntime().
  std::shared_ptr<ClientRuntime> runtime;
};

// A connection to Larder. Thread-safe; make one and share it: its connections stay open and each
// carries any number of calls at once. Creating it reads the files of `tls`, and connects to
// nothing.
//
// Each call exists blocking (Get) and with a callback (GetAsync). A callback comes once, on a
// thread of the client's (on the caller's if the call could not begin), and must not block, nor
// make blocking calls, nor destroy the client. Arguments are copied before the call returns.
//
// A miss and a failed condition are results, not errors. Errors are those of
// proto/larder/v1/cache.proto; INVALID_ARGUMENT also when `deadline` is infinite or not positive.
//
// Retries (retry_policy.h): a call whose answer may have been lost is tried again only if doing it
// twice is the same as doing it once. That is so for Get, MultiGet, Scan, Stats, Digest,
// Replication, GetConfig, SetConfig, Touch, Lease (a grant that was lost ends by itself), and for
// Set and Delete without condition or return_previous; a MultiSet or MultiDelete when all its items
// are such. It is not for Increment, Append, Flush, ReplicaOf, and Set and Delete with a condition:
// these are tried again only when the node said that nothing was applied. A Set that is tried again
// may overwrite what another client wrote in between; a result is that of the last attempt, so
// DeleteResult::deleted is false when an earlier one, whose answer was lost, had deleted the key.
class Client {
 public:
  // INVALID_ARGUMENT names the option that is out of range, or the file of `tls` that is no good.
  // RESOURCE_EXHAUSTED, INTERNAL: the process has too many files open, or threads; with `tls` the
  // latter also when OpenSSL cannot be used.
  static absl::StatusOr<std::unique_ptr<Client>> Create(ClientOptions options);

  // Waits until every call has ended and its callback has returned. A retry that waits does so to
  // the end, which is before its call's deadline, and then gives up with the error before it.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  absl::StatusOr<GetResult> Get(std::string_view key, const GetOptions& options = {});
  void GetAsync(std::string_view key, const GetOptions& options, Callback<GetResult> callback);

  absl::StatusOr<SetResult> Set(std::string_view key, std::string_view value,
                                const SetOptions& options = {});
  void SetAsync(std::string_view key, std::string_view value, const SetOptions& options,
                Callback<SetResult> callback);

  absl::StatusOr<DeleteResult> Delete(std::string_view key, const DeleteOptions& options = {});
  void DeleteAsync(std::string_view key, const DeleteOptions& options,
                   Callback<DeleteResult> callback);

  absl::StatusOr<LeaseResult> Lease(std::string_view key, const LeaseOptions& options = {});
  void LeaseAsync(std::string_view key, const LeaseOptions& options,
                  Callback<LeaseResult> callback);

  // Items that the node left out to bound its answer are asked for again, so a result may be larger
  // than max_receive_bytes as a whole.
  absl::StatusOr<MultiGetResult> MultiGet(const std::vector<std::string>& keys,
                                          const MultiOptions& options = {});
  void MultiGetAsync(const std::vector<std::string>& keys, const MultiOptions& options,
                     Callback<MultiGetResult> callback);

  absl::StatusOr<MultiSetResult> MultiSet(const std::vector<SetItem>& items,
                                          const MultiOptions& options = {});
  void MultiSetAsync(const std::vector<SetItem>& items, const MultiOptions& options,
                     Callback<MultiSetResult> callback);

  absl::StatusOr<MultiDeleteResult> MultiDelete(const std::vector<DeleteItem>& items,
                                                const MultiOptions& options = {});
  void MultiDeleteAsync(const std::vector<DeleteItem>& items, const MultiOptions& options,
                        Callback<MultiDeleteResult> callback);

  absl::StatusOr<TouchResult> Touch(std::string_view key, const TouchOptions& options = {});
  void TouchAsync(std::string_view key, const TouchOptions& options,
                  Callback<TouchResult> callback);

  absl::StatusOr<IncrementResult> Increment(std::string_view key,
                                            const IncrementOptions& options = {});
  void IncrementAsync(std::string_view key, const IncrementOptions& options,
                      Callback<IncrementResult> callback);

  absl::StatusOr<AppendResult> Append(std::string_view key, std::string_view bytes,
                                      const AppendOptions& options = {});
  void AppendAsync(std::string_view key, std::string_view bytes, const AppendOptions& options,
                   Callback<AppendResult> callback);

  // One step of a walk over all keys.
  absl::StatusOr<ScanResult> Scan(const ScanOptions& options = {});
  void ScanAsync(const ScanOptions& options, Callback<ScanResult> callback);

  absl::StatusOr<StatsResult> Stats(const StatsOptions& options = {});
  void StatsAsync(const StatsOptions& options, Callback<StatsResult> callback);

  absl::StatusOr<FlushResult> Flush(const FlushOptions& options = {});
  void FlushAsync(const FlushOptions& options, Callback<FlushResult> callback);

  // INVALID_ARGUMENT: options.name is no flag of the node.
  absl::StatusOr<GetConfigResult> GetConfig(const GetConfigOptions& options = {});
  void GetConfigAsync(const GetConfigOptions& options, Callback<GetConfigResult> callback);

  // Changes all or, with INVALID_ARGUMENT that names the flag, none; until the node ends.
  absl::StatusOr<SetConfigResult> SetConfig(const std::vector<ConfigSetting>& settings,
                                            const SetConfigOptions& options = {});
  void SetConfigAsync(const std::vector<ConfigSetting>& settings, const SetConfigOptions& options,
                      Callback<SetConfigResult> callback);

  // A digest of the node's entries, or of those of one slot: equal at nodes that have the same.
  absl::StatusOr<DigestResult> Digest(const DigestOptions& options = {});
  void DigestAsync(const DigestOptions& options, Callback<DigestResult> callback);

  // The node follows the one at this client address (host:port, or host:port@bus_port), whose data
  // takes the place of its own; or, if it is empty, nobody, and leads. FAILED_PRECONDITION: it runs
  // without a bus, or has no data to lead with.
  absl::StatusOr<ReplicaOfResult> ReplicaOf(std::string_view endpoint,
                                            const ReplicaOfOptions& options = {});
  void ReplicaOfAsync(std::string_view endpoint, const ReplicaOfOptions& options,
                      Callback<ReplicaOfResult> callback);

  // Where the node stands in replication. FAILED_PRECONDITION: it runs without a bus.
  absl::StatusOr<ReplicationResult> Replication(const ReplicationOptions& options = {});
  void ReplicationAsync(const ReplicationOptions& options, Callback<ReplicationResult> callback);

  // Asks for the node's health (grpc.health.v1). Never retried.
  absl::StatusOr<PingResult> Ping(const PingOptions& options = {});
  void PingAsync(const PingOptions& options, Callback<PingResult> callback);

  // The address as it was understood: with its port.
  const std::string& address() const;

 private:
  explicit Client(std::unique_ptr<ClientCore> core);

  const std::unique_ptr<ClientCore> core_;
};

// What the node's google.rpc.RetryInfo in an error of a Client says; nullopt: it sent none.
std::optional<absl::Duration> RetryAfter(const absl::Status& status);

}  // namespace larder

#endif  // LARDER_CLIENT_CLIENT_H_
