#include "server/rpc/services/rpc_front_end.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "client/channel/event_loop.h"
#include "server/connections/connection_acceptor.h"
#include "server/connections/listening_socket.h"
#include "server/forwarding/forwarder.h"
#include "server/messages/status_details.h"
#include "server/reflection/descriptor_index.h"
#include "server/rpc/server_loop.h"
#include "server/rpc/services/rpc_services.h"
#include "storage/mutex.h"

namespace larder::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kDrainPoll{5};
// How long clients may take to read the last that was said to them, and to close.
constexpr std::chrono::milliseconds kLinger{100};

RpcLimits LimitsOf(const ServerConfig& config, const ServiceParts& parts) {
  RpcLimits limits;
  limits.session.streams_max = config.max_streams;
  limits.session.header_bytes_max = static_cast<uint32_t>(config.max_header_bytes);
  limits.request_bytes_max = config.max_request_bytes;
  limits.buffered_bytes_max = config.max_incomplete_bytes;
  limits.unread_bytes_max = config.max_unread_bytes;
  if (parts.forwarding != nullptr) limits.forwarded_proof = parts.forwarding->options.proof;
  return limits;
}

IoTimeouts TimeoutsOf(const ServerConfig& config) {
  return {.handshake_within = config.handshake_timeout,
          .ping_after = config.keepalive_time,
          .pong_within = config.keepalive_timeout,
          .unread_for = config.unread_timeout,
          .age_max = config.max_connection_age,
          .age_grace = config.max_connection_age_grace};
}

// One I/O thread with what belongs to it. Members are destroyed last to first: the connections
// before the methods that they run, these before what is sent on for them.
struct IoLoop {
  std::unique_ptr<EventLoop> events;
  std::unique_ptr<Forwarder> forwarder;  // nullptr: this node owns all slots
  std::unique_ptr<RpcMethods> methods;
  std::unique_ptr<ServerLoop> server;
};

// Members are destroyed last to first: the acceptor before the loops.
class RpcFrontEnd final : public FrontEnd {
 public:
  RpcFrontEnd(const ServerConfig& config, const ServiceParts& parts)
      : limits_(LimitsOf(config, parts)),
        transport_(parts.transport),
        parts_(parts),
        index_(ServiceNames()) {}

  ~RpcFrontEnd() override { Drain(absl::ZeroDuration()); }

  absl::Status Start(const ServerConfig& config, ConnectionTable* connections,
                     const TlsRotation* tls) {
    absl::StatusOr<ListeningSocket> listening = Listen(config.listen);
    if (!listening.ok()) return listening.status();
    for (uint32_t i = 0; i < config.io_threads; ++i) {
      if (const absl::Status status = AddLoop(config, tls); !status.ok()) return status;
    }
    auto acceptor = ConnectionAcceptor::Start(
        *std::move(listening), connections,
        [this](int socket) { LeastBusyLoop().Add(FileDescriptor(socket)); },
        tls == nullptr ? ConnectionAcceptor::Protocol::kHttp2 : ConnectionAcceptor::Protocol::kTls);
    if (!acceptor.ok()) return acceptor.status();
    acceptor_ = *std::move(acceptor);
    return absl::OkStatus();
  }

  const Endpoint& endpoint() const override { return acceptor_->endpoint(); }

  void PassBy() override {
    const storage::MutexLock lock(mutex_);
    for (const IoLoop& loop : loops_) loop.events->RunAndWait([] {});
  }

  void Drain(absl::Duration timeout) override {
    if (acceptor_ != nullptr) acceptor_->Stop();
    for (const IoLoop& loop : loops_) loop.server->Drain();
    const auto start = Clock::now();
    auto spoke_last = start;
    while (Clock::now() - start < absl::ToChronoNanoseconds(timeout)) {
      uint64_t connections = 0;
      uint64_t lingering = 0;
      for (const IoLoop& loop : loops_) {
        connections += loop.server->connections();
        lingering += loop.server->lingering();
      }
      if (connections == 0) break;
      if (lingering < connections) spoke_last = Clock::now();
      if (Clock::now() - spoke_last >= kLinger) break;
      std::this_thread::sleep_for(kDrainPoll);
    }
    const storage::MutexLock lock(mutex_);
    loops_.clear();
  }

 private:
  absl::Status AddLoop(const ServerConfig& config, const TlsRotation* tls) {
    IoLoop loop;
    auto events = EventLoop::Create();
    if (!events.ok()) return events.status();
    loop.events = *std::move(events);
    if (parts_.forwarding != nullptr) {
      loop.forwarder = std::make_unique<Forwarder>(parts_.forwarding, loop.events.get());
    }
    loop.methods = std::make_unique<RpcMethods>(&StatusDetailsOf);
    AddCacheMethods(parts_, loop.forwarder.get(), *loop.methods);
    AddAdminMethods(parts_, *loop.methods);
    AddHealthMethods(parts_, &index_, *loop.methods);
    AddReflectionMethods(&index_, *loop.methods);
    auto server = ServerLoop::Start({.limits = &limits_,
                                     .methods = loop.methods.get(),
                                     .timeouts = TimeoutsOf(config),
                                     .state = transport_,
                                     .tls = tls,
                                     .event_loop = loop.events.get()});
    if (!server.ok()) return server.status();
    loop.server = *std::move(server);
    loops_.push_back(std::move(loop));
    return absl::OkStatus();
  }
  ServerLoop& LeastBusyLoop() {
    return *std::min_element(loops_.begin(), loops_.end(), [](const auto& a, const auto& b) {
              return a.server->connections() < b.server->connections();
            })->server;
  }

  const RpcLimits limits_;
  TransportState* const transport_;
  const ServiceParts parts_;
  const DescriptorIndex index_;
  storage::Mutex mutex_;  // held while loops go, and while they are waited for
  std::vector<IoLoop> loops_;
  std::unique_ptr<ConnectionAcceptor> acceptor_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FrontEnd>> StartRpcFrontEnd(const ServerConfig& config,
                                                           const ServiceParts& parts,
                                                           ConnectionTable* connections,
                                                           const TlsRotation* tls) {
  auto front_end = std::make_unique<RpcFrontEnd>(config, parts);
  const absl::Status status = front_end->Start(config, connections, tls);
  if (!status.ok()) return status;
  return front_end;
}

}  // namespace larder::server
