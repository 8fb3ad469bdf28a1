#include "server/node/node.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/bus/cluster_secret.h"
#include "server/config/version.h"
#include "server/connections/connection_table.h"
#include "server/connections/peer_address.h"
#include "server/forwarding/forwarded_proof.h"
#include "server/forwarding/forwarding.h"
#include "server/grpcpp/grpc_front_end.h"
#include "server/handlers/cache_handler.h"
#include "server/handlers/lease_token_codec.h"
#include "server/handlers/maintenance_handler.h"
#include "server/handlers/multi_key_handler.h"
#include "server/handlers/replication_handler.h"
#include "server/handlers/served_keyspace.h"
#include "server/http/http_counters.h"
#include "server/metrics/request_metrics.h"
#include "server/metrics_page/metrics_endpoint.h"
#include "server/metrics_page/process_figures.h"
#include "server/metrics_page/prometheus_text.h"
#include "server/node/node_replication.h"
#include "server/node/random_words.h"
#include "server/replication/boot_clock.h"
#include "server/rpc/services/rpc_front_end.h"
#include "server/transport/connection_figures.h"
#include "server/transport/inflight_limit.h"
#include "server/transport/readiness.h"
#include "server/transport/transport_state.h"
#include "server/upkeep/housekeeper.h"
#include "server/upkeep/incident_report.h"
#include "server/upkeep/runtime_config.h"
#include "server/upkeep/shard_clock.h"
#include "storage/hybrid_clock.h"
#include "storage/key_hasher.h"
#include "storage/keyspace.h"

namespace larder::server {
namespace {

ForwardingOptions ForwardingOptionsOf(const ServerConfig& config, std::string_view secret) {
  ForwardingOptions options;
  options.sent_max = config.max_forwarded;
  options.received_max = config.max_forwarded_received;
  options.bytes_max = config.max_forwarded_bytes;
  options.retry_after = config.limits.overload_retry_after;
  // Of a node with the same flags; what answers add to their values is counted in their limit.
  options.answer_bytes_max = std::max(options.answer_bytes_max, config.limits.max_response_bytes);
  options.connect_timeout = config.peer_connect_timeout;
  options.keepalive_time = config.peer_keepalive_time;
  options.keepalive_timeout = config.peer_keepalive_timeout;
  options.proof = ForwardedProofOf(secret);
  return options;
}

absl::StatusOr<std::string> BusOf(std::string_view address) {
  const absl::StatusOr<PeerAddress> peer = ParsePeerAddress(address);
  if (!peer.ok()) return peer.status();
  return peer->bus().ToString();
}

}  // namespace

// Members are destroyed last to first: ports and threads before what they use.
class Node::Parts final : public NodeFigureSource {
 public:
  Parts(const ServerConfig& config, NodeSurroundings surroundings)
      : config_(config),
        surroundings_(std::move(surroundings)),
        started_(std::chrono::steady_clock::now()),
        versions_(config.node_number),
        connections_(config.max_connections),
        inflight_(config.max_inflight, config.limits.overload_retry_after),
        held_writes_({.bytes_max = config.replication.held_write_bytes,
                      .timeout = config.replication.held_write_timeout,
                      .retry_after = config.limits.overload_retry_after}),
        transport_(config.max_total_incomplete_bytes, config.max_total_unread_bytes) {
    transport_.counts_ends = config.transport != ServerConfig::Transport::kGrpcpp;
  }

  absl::Status Start() {
    if (config_.tls.is_on()) {
      auto tls = TlsRotation::Create(config_.tls, &tls_counters_, surroundings_.on_tls);
      if (!tls.ok()) return tls.status();
      tls_ = *std::move(tls);
    }
    if (!config_.replication.secret_file.empty()) {
      auto cluster_secret = ReadClusterSecret(config_.replication.secret_file);
      if (!cluster_secret.ok()) return cluster_secret.status();
      cluster_secret_ = *std::move(cluster_secret);
    }
    storage::KeyspaceOptions options = config_.keyspace;
    // The secret is one that nobody has seen and that ends with the process.
    const auto random = RandomWords<6>();
    if (!random.ok()) return random.status();
    const auto& [hash0, hash1, hash2, hash3, seed, lease_seed] = *random;
    options.hash_secret = {{hash0, hash1, hash2, hash3}};
    options.seed = seed;
    options.authority = &authority_;
    auto keyspace = storage::Keyspace::Create(options, &versions_);
    if (!keyspace.ok()) return keyspace.status();
    keyspace_ = std::make_unique<ServedKeyspace>(*std::move(keyspace));
    cache_ = std::make_unique<CacheHandler>(keyspace_.get(), &clock_, config_.limits,
                                            LeaseTokenCodec(config_.node_number, lease_seed));
    if (config_.replication.bus_listen.has_value()) {
      cache_->SetReplicatedData(&replicated_);
      cache_->SetReplicas(&acks_, config_.replication.min_replicas_to_write, &held_writes_);
    }
    multi_key_ = std::make_unique<MultiKeyHandler>(cache_.get());
    forwarding_ =
        std::make_unique<Forwarding>(ForwardingOptionsOf(config_, cluster_secret_), tls_.get());
    runtime_config_ = std::make_unique<RuntimeConfig>(config_, keyspace_.get(), &inflight_,
                                                      surroundings_.on_change);
    const bool uses_grpcpp = config_.transport == ServerConfig::Transport::kGrpcpp;
    incidents_ = std::make_unique<IncidentReport>(IncidentSources{.cache = cache_.get(),
                                                                  .inflight = &inflight_,
                                                                  .connections = &connections_,
                                                                  .tls = &tls_counters_,
                                                                  .transport = &transport_.metrics},
                                                  surroundings_.on_incident, started_);
    // grpc++ has read its own certificate, for good.
    housekeeper_ = std::make_unique<Housekeeper>(
        keyspace_.get(), &clock_, &connections_,
        SlowChores{.tls = uses_grpcpp ? nullptr : tls_.get(), .incidents = incidents_.get()});
    maintenance_ = std::make_unique<MaintenanceHandler>(
        MaintenanceParts{.keyspace = keyspace_.get(),
                         .time = &clock_,
                         .figures = this,
                         .eviction = config_.keyspace.eviction,
                         .config = runtime_config_.get(),
                         .background = housekeeper_.get(),
                         .on_intervention = surroundings_.on_intervention});
    replication_ = std::make_unique<ReplicationHandler>(
        ReplicationParts{.has_bus = config_.replication.bus_listen.has_value(),
                         .bus_of = BusOf,
                         .on_intervention = surroundings_.on_intervention});
    if (config_.replication.bus_listen.has_value()) {
      // Until it is known who leads it has nothing to say.
      authority_.Set(false);
      OnLeader({.is_here = false, .endpoint = ""});
    }
    if (const absl::Status status = StartMetrics(); !status.ok()) return status;
    // Before the first connection can ask.
    readiness_.Set(true);
    const ServiceParts services{.cache = cache_.get(),
                                .multi_key = multi_key_.get(),
                                .maintenance = maintenance_.get(),
                                .replication = replication_.get(),
                                .metrics = &requests_,
                                .inflight = &inflight_,
                                .transport = &transport_,
                                .readiness = &readiness_,
                                .forwarding = forwarding_.get()};
    auto front_end = uses_grpcpp ? StartGrpcFrontEnd(config_, services, &connections_)
                                 : StartRpcFrontEnd(config_, services, &connections_, tls_.get());
    if (!front_end.ok()) {
      readiness_.Set(false);
      return absl::Status(front_end.status().code(),
                          absl::StrCat("--listen: ", front_end.status().message()));
    }
    front_end_ = *std::move(front_end);
    return config_.replication.bus_listen.has_value() ? StartReplication(options)
                                                      : absl::OkStatus();
  }

  void BeginShutdown() { readiness_.Set(false); }

  void Drain() {
    BeginShutdown();
    front_end_->Drain(config_.drain_timeout);
  }

  RoutingPublication& routing() { return forwarding_->routing; }

  TlsNotice Reload() {
    if (tls_ == nullptr) return {.text = "without TLS there is nothing to read again"};
    if (config_.transport == ServerConfig::Transport::kGrpcpp) {
      return {TlsNotice::Severity::kWarning,
              "with --transport=grpcpp certificates are read at the start only"};
    }
    return tls_->Reload();
  }

  const Endpoint& client_endpoint() const { return front_end_->endpoint(); }

  std::optional<Endpoint> metrics_endpoint() const {
    if (metrics_ == nullptr) return std::nullopt;
    return metrics_->endpoint();
  }

  std::optional<Endpoint> bus_endpoint() const {
    if (bus_ == nullptr) return std::nullopt;
    return bus_->bus_endpoint();
  }

 private:
  // Behind the front end, since others are told where that listens.
  absl::Status StartReplication(const storage::KeyspaceOptions& keyspace) {
    auto bus = NodeReplication::Start(
        config_,
        {.client = front_end_->endpoint(),
         .cluster_secret = cluster_secret_,
         .keyspace = keyspace,
         .served = keyspace_.get(),
         .versions = &versions_,
         .clock = &clock_,
         .authority = &authority_,
         .acks = &acks_,
         .held_writes = &held_writes_,
         .replicated = &replicated_,
         .on_leader = [this](const Leader& leader) { OnLeader(leader); },
         .retire = [this](std::unique_ptr<storage::Keyspace> old) { Retire(std::move(old)); },
         .on_notice = surroundings_.on_replication});
    if (!bus.ok()) return bus.status();
    bus_ = *std::move(bus);
    replication_->SetControl(&bus_->control());
    return absl::OkStatus();
  }

  void OnLeader(const Leader& leader) {
    SlotOwner owner;
    if (!leader.is_here) {
      owner.place = leader.endpoint.empty() ? SlotOwner::Place::kNobody : SlotOwner::Place::kPeer;
      owner.endpoint = leader.endpoint;
      owner.has_copy_here = true;
    }
    forwarding_->routing.Publish(Routing::AllOf(std::move(owner), ++topology_version_));
  }

  // Destroys a keyspace that nobody reads any more who begins now, when nobody does at all. Its end
  // takes time, which the housekeeper has.
  void Retire(std::unique_ptr<storage::Keyspace> old) {
    front_end_->PassBy();
    if (metrics_ != nullptr) metrics_->PassBy();
    housekeeper_->Post([old = std::move(old)](const absl::Status&) mutable { old.reset(); });
  }

  absl::Status StartMetrics() {
    if (!config_.has_metrics) return absl::OkStatus();
    MetricSources sources{.keyspace = keyspace_.get(),
                          .requests = &requests_,
                          .connections = &connections_,
                          .inflight = &inflight_,
                          .tls = &tls_counters_,
                          .transport = &transport_,
                          .metrics_port = &metrics_port_,
                          .forwarding = forwarding_.get(),
                          .log = surroundings_.log};
    auto metrics = MetricsEndpoint::Start(config_.metrics_listen, config_.metrics_limits,
                                          {.metrics =
                                               [this, sources] {
                                                 MetricSources now = sources;
                                                 now.replication = replication_->control();
                                                 return PrometheusText(now);
                                               },
                                           .is_ready = [this] { return readiness_.is_ready(); },
                                           .counters = &metrics_port_});
    if (!metrics.ok()) {
      return absl::Status(metrics.status().code(),
                          absl::StrCat("--metrics_listen: ", metrics.status().message()));
    }
    metrics_ = *std::move(metrics);
    return absl::OkStatus();
  }

  NodeFigures Read() const override {
    NodeFigures figures{.version = kVersion,
                        .uptime = absl::FromChrono(std::chrono::steady_clock::now() - started_),
                        .resident_bytes = ReadResidentBytes(),
                        .connections = ReadConnections(connections_, transport_).open};
    const RequestMetrics::Figures requests = requests_.Read();
    for (size_t method = 0; method < kMethods; ++method) {
      for (size_t code = 0; code < RequestMetrics::kCodes; ++code) {
        const uint64_t count = requests[method].codes[code];
        if (count == 0) continue;
        figures.requests.emplace_back(
            absl::StrCat(std::string(kMethodNames[method]), "/", std::string(CodeName(code))),
            count);
      }
    }
    return figures;
  }

  const ServerConfig config_;  // at the start
  const NodeSurroundings surroundings_;
  const std::chrono::steady_clock::time_point started_;
  std::atomic<uint64_t> topology_version_{0};
  std::string cluster_secret_;
  NodeAuthority authority_;
  ReplicaAcks acks_;
  ReplicatedData replicated_{BootTimeNow};
  ShardClock clock_;
  storage::HybridClock versions_;
  Readiness readiness_;
  RequestMetrics requests_;
  mutable ConnectionTable connections_;  // may look which are gone when it is read
  InflightLimit inflight_;
  HeldWrites held_writes_;
  TlsCounters tls_counters_;
  std::unique_ptr<TlsRotation> tls_;        // nullptr: plaintext
  std::unique_ptr<Forwarding> forwarding_;  // before handlers, whose open replies leave its limits
  TransportState transport_;
  HttpCounters metrics_port_;
  std::unique_ptr<ServedKeyspace> keyspace_;
  std::unique_ptr<CacheHandler> cache_;
  std::unique_ptr<MultiKeyHandler> multi_key_;
  std::unique_ptr<RuntimeConfig> runtime_config_;
  std::unique_ptr<MaintenanceHandler> maintenance_;
  std::unique_ptr<ReplicationHandler> replication_;
  std::unique_ptr<IncidentReport> incidents_;
  std::unique_ptr<Housekeeper> housekeeper_;
  std::unique_ptr<MetricsEndpoint> metrics_;
  std::unique_ptr<FrontEnd> front_end_;
  std::unique_ptr<NodeReplication> bus_;  // nullptr: there is none
};

Node::Node(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Node::~Node() = default;

absl::StatusOr<std::unique_ptr<Node>> Node::Start(const ServerConfig& config,
                                                  NodeSurroundings surroundings) {
  auto parts = std::make_unique<Parts>(config, std::move(surroundings));
  const absl::Status status = parts->Start();
  if (!status.ok()) return status;
  return std::unique_ptr<Node>(new Node(std::move(parts)));
}

const Endpoint& Node::client_endpoint() const { return parts_->client_endpoint(); }

std::optional<Endpoint> Node::metrics_endpoint() const { return parts_->metrics_endpoint(); }

std::optional<Endpoint> Node::bus_endpoint() const { return parts_->bus_endpoint(); }

RoutingPublication& Node::routing() { return parts_->routing(); }

TlsNotice Node::Reload() { return parts_->Reload(); }

void Node::BeginShutdown() { parts_->BeginShutdown(); }

void Node::Drain() { parts_->Drain(); }

}  // namespace larder::server
