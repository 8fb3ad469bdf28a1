#include "server/node/node_replication.h"

#include <atomic>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cluster/wire/node_state.h"
#include "server/bus/bus_client.h"
#include "server/bus/bus_counters.h"
#include "server/bus/bus_server.h"
#include "server/node/random_words.h"
#include "server/state_file/state_file.h"
#include "storage/mutation_record.h"

namespace larder::server {
namespace {

cluster::Millis ToMillis(absl::Duration duration) {
  return cluster::Millis(absl::ToInt64Milliseconds(duration));
}

absl::Status OfFlag(absl::string_view flag, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(flag, ": ", status.message()));
}

// What the node must not forget, on disk if it has a place there. Of one thread at a time.
class DurableState {
 public:
  // DATA_LOSS, FAILED_PRECONDITION: as StateFile.
  absl::Status Open(const std::string& folder) {
    if (!folder.empty()) {
      auto file = StateFile::Open(folder);
      if (!file.ok()) return OfFlag("--state_dir", file.status());
      file_ = *std::move(file);
      const auto bytes = file_->Read();
      if (!bytes.ok()) return OfFlag("--state_dir", bytes.status());
      if (bytes->has_value()) {
        auto state = cluster::DecodeNodeState(**bytes);
        if (!state.ok()) {
          return absl::DataLossError(
              absl::StrCat("--state_dir: ", file_->path(), ": ", state.status().message()));
        }
        state_ = *std::move(state);
        was_there_ = true;
        return absl::OkStatus();
      }
    }
    const auto random = RandomWords<2>();
    if (!random.ok()) return random.status();
    state_.node = cluster::NodeId{(*random)[0], (*random)[1] | 1};
    return Write();
  }

  absl::Status Keep(const cluster::DurableReplication& replication) {
    state_.replication = replication;
    return Write();
  }
  absl::Status KeepSource(const std::string& source) {
    state_.source = source;
    return Write();
  }
  // It is of an earlier process.
  bool was_there() const { return was_there_; }
  const cluster::NodeState& state() const { return state_; }

 private:
  absl::Status Write() {
    return file_ == nullptr ? absl::OkStatus() : file_->Write(cluster::EncodeNodeState(state_));
  }

  std::unique_ptr<StateFile> file_;  // nullptr: nothing is kept
  cluster::NodeState state_;
  bool was_there_ = false;
};

class BusReplication final : public NodeReplication, private ReplicaAcceptor {
 public:
  absl::Status Start(const ServerConfig& config, NodeReplicationParts parts) {
    const ReplicationConfig& replication = config.replication;
    if (const absl::Status status = durable_.Open(replication.state_dir); !status.ok()) {
      return status;
    }
    on_notice_ = parts.on_notice;
    BusOptions bus{.tls = config.tls,
                   .cluster_secret = parts.cluster_secret,
                   .listen = *replication.bus_listen};
    // As storage has the largest record: what a batch or a chunk may exceed its size by.
    bus.BoundMessages(
        storage::MutationRecordBytes(config.limits.max_key_bytes, config.limits.max_value_bytes));
    client_ = BusClient::Create(bus, &counters_);
    auto server = BusServer::Start(bus, this, &counters_);
    if (!server.ok()) {
      return server.status().code() == absl::StatusCode::kUnavailable
                 ? OfFlag("--bus_listen", server.status())
                 : server.status();
    }
    server_ = *std::move(server);
    const Endpoint endpoint = AdvertisedEndpoint(config, parts.client);
    ReplicatorOptions options{.keyspace = parts.keyspace,
                              .log_bytes = replication.log_bytes,
                              .payload_bytes_max = bus.limits.payload_bytes_max,
                              .node = durable_.state().node,
                              .recovered = durable_.state().replication,
                              .restart_wait = ToMillis(replication.restart_wait)};
    options.source.endpoint = endpoint.ToString();
    options.source.copy_bytes_per_second = replication.copy_bytes_per_second;
    options.source.in_time = ToMillis(replication.in_time);
    options.sink.endpoint = endpoint.ToString();
    options.sink.bus_endpoint = Endpoint{endpoint.host, server_->endpoint().port}.ToString();
    options.seed = durable_.state().node.low;
    replicator_ = std::make_unique<Replicator>(
        std::move(options),
        ReplicatorParts{
            .served = parts.served,
            .versions = parts.versions,
            .time = parts.clock,
            .authority = parts.authority,
            .open_stream = [this](const std::string& source,
                                  std::shared_ptr<ReplicaStreamListener> listener)
                -> absl::StatusOr<std::shared_ptr<ReplicaStream>> {
              const auto parsed = ParseEndpoint(source);
              if (!parsed.ok()) return parsed.status();
              return client_->Connect(*parsed, std::move(listener));
            },
            .persist =
                [this](const cluster::DurableReplication& state) { return durable_.Keep(state); },
            .persist_source =
                [this](const std::string& source) { return durable_.KeepSource(source); },
            .acks = parts.acks,
            .held_writes = parts.held_writes,
            .replicated = parts.replicated,
            .on_leader =
                [on_leader = parts.on_leader, clock = parts.clock](const Leader& leader) {
                  if (leader.is_here) clock->Lead();
                  on_leader(leader);
                },
            .on_shard_time = [clock = parts.clock](storage::TimePoint now) { clock->Follow(now); },
            .retire = std::move(parts.retire),
            .on_notice = on_notice_});
    accepting_.store(replicator_.get(), std::memory_order_release);
    Begin(replication);
    return absl::OkStatus();
  }

  ~BusReplication() override {
    // First what opens streams, then those who end them.
    if (replicator_ != nullptr) replicator_->Stop();
    if (server_ != nullptr) server_->Stop();
    client_.reset();
    server_.reset();
  }

  const Endpoint& bus_endpoint() const override { return server_->endpoint(); }
  ReplicationControl& control() override { return *replicator_; }

 private:
  std::shared_ptr<SourceStreamListener> OnReplica(std::shared_ptr<SourceStream> stream,
                                                  const cluster::Hello&) override {
    Replicator* const replicator = accepting_.load(std::memory_order_acquire);
    return replicator == nullptr ? nullptr : replicator->Accept(std::move(stream));
  }

  // As what an earlier process was, whatever the flag says: it may have been told otherwise since.
  void Begin(const ReplicationConfig& config) {
    const cluster::NodeState& earlier = durable_.state();
    const bool has_led = durable_.was_there() && earlier.replication.fence.is_set();
    using Beginning = Replicator::Beginning;
    TellWhoItIs(config, has_led);
    if (!earlier.source.empty()) {
      replicator_->Begin(Beginning::kFollowedBefore, earlier.source);
    } else if (has_led) {
      replicator_->Begin(Beginning::kLedBefore);
    } else if (config.replica_of.has_value()) {
      std::promise<void> begun;
      replicator_->ReplicaOf(config.replica_of->bus().ToString(),
                             [this, &begun](const absl::Status& status) {
                               if (!status.ok())
                                 Warn(absl::StrCat("--replica_of: ", status.message()));
                               begun.set_value();
                             });
      begun.get_future().wait();
    } else {
      replicator_->Begin(Beginning::kNew);
    }
  }

  void TellWhoItIs(const ReplicationConfig& config, bool has_led) const {
    const cluster::NodeState& state = durable_.state();
    const std::string_view kept = config.state_dir.empty()
                                      ? "; without --state_dir it is another after a restart"
                                  : durable_.was_there() ? ", as it was before (--state_dir)"
                                                         : ", from now on (--state_dir)";
    Tell({.text =
              absl::StrCat("replication: this is node ", state.node.ToText(), std::string(kept))});
    if (!config.replica_of.has_value()) return;
    const std::string flag = config.replica_of->bus().ToString();
    if (!state.source.empty() && state.source != flag) {
      Warn(absl::StrCat("--replica_of names the node with the bus ", flag,
                        ", and is passed over: --state_dir says that this node was told to follow ",
                        state.source));
    } else if (state.source.empty() && has_led) {
      Warn(absl::StrCat("--replica_of names the node with the bus ", flag,
                        ", and is passed over: --state_dir says that this node led"));
    }
  }
  void Warn(const std::string& text) const {
    Tell({ReplicationNotice::Severity::kWarning, absl::StrCat("replication: ", text)});
  }
  void Tell(const ReplicationNotice& notice) const {
    if (on_notice_) on_notice_(notice);
  }

  ReplicationListener on_notice_;
  DurableState durable_;
  BusCounters counters_;
  std::unique_ptr<BusClient> client_;
  std::unique_ptr<Replicator> replicator_;
  std::atomic<Replicator*> accepting_{nullptr};
  std::unique_ptr<BusServer> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<NodeReplication>> NodeReplication::Start(
    const ServerConfig& config, NodeReplicationParts parts) {
  auto replication = std::make_unique<BusReplication>();
  const absl::Status status = replication->Start(config, std::move(parts));
  if (!status.ok()) return status;
  return replication;
}

}  // namespace larder::server
