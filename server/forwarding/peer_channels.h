#ifndef LARDER_SERVER_FORWARDING_PEER_CHANNELS_H_
#define LARDER_SERVER_FORWARDING_PEER_CHANNELS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "client/channel/event_loop.h"
#include "client/channel/loop_time.h"
#include "client/channel/rpc_channel.h"
#include "server/forwarding/forwarding.h"

namespace larder::server {

// Another node, as one I/O thread speaks to it.
struct Peer {
  std::string endpoint;
  uint64_t tls_generation = 0;  // of the certificates that its channel has
  size_t calls = 0;             // that are open
  LoopTime used_at{};
  bool is_retired = false;  // it gets no more calls
  std::unique_ptr<RpcChannel> channel;
};

// The channels of one I/O loop to other nodes, one connection for each, made when the first call
// needs it and kept. With too many, the one goes that was not used for longest. Belongs to the
// loop's thread; made and destroyed on others, while no call is open.
class PeerChannels {
 public:
  // Both outlive this.
  PeerChannels(Forwarding* shared, EventLoop* events) : shared_(*shared), events_(*events) {}
  ~PeerChannels();
  PeerChannels(const PeerChannels&) = delete;
  PeerChannels& operator=(const PeerChannels&) = delete;

  // A call to this node begins: Release is owed. UNAVAILABLE: too many others have calls open, or
  // there can be no TLS to it.
  absl::StatusOr<Peer*> Use(const std::string& endpoint);
  void Release(Peer& peer);

 private:
  absl::StatusOr<std::unique_ptr<Peer>> Create(const std::string& endpoint);
  // Forgets the peer; its channel goes as soon as it has no calls, in a task.
  void Retire(const std::string& endpoint);
  // False: all have calls open.
  bool RetireOldest();
  void DestroyRetired();

  Forwarding& shared_;
  EventLoop& events_;
  bool is_ending_ = false;
  absl::flat_hash_map<std::string, std::unique_ptr<Peer>> peers_;  // by endpoint
  std::vector<std::unique_ptr<Peer>> retired_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_FORWARDING_PEER_CHANNELS_H_
