#include "absl/strings/str_cat.h"
#include "tests/bench/hot_path/measured_server.h"
#include "tests/bench/hot_path/memcached_protocol.h"
#include "tests/bench/hot_path/redis_protocol.h"
#include "tests/bench/peer.h"

namespace larder::bench {
namespace {

// How much memory the peer is given, where it has to be told.
MemoryFillOptions FillOptionsOf(const Workload& workload) {
  MemoryFillOptions options;
  options.keys = workload.keys();
  options.key_bytes = kWorkloadKeyBytes;
  options.value_bytes = workload.value_bytes;
  return options;
}

class RedisServer final : public MeasuredServer {
 public:
  std::string name() const override { return kRedisName; }
  std::string program() const override { return peer_->name(); }

  std::vector<std::string> Command(uint16_t port, const std::string& folder,
                                   const Workload& workload) const override {
    return peer_->Command(port, folder, FillOptionsOf(workload));
  }

  std::vector<LoadShape> Shapes(const Workload& workload) const override {
    if (workload.PeerShape() == workload.PipelinedPeerShape()) return {workload.PeerShape()};
    return {workload.PeerShape(), workload.PipelinedPeerShape()};
  }

  std::unique_ptr<LoadProtocol> MakeProtocol(const Workload& workload, uint16_t /*port*/,
                                             const KeyPicker& keys) const override {
    return std::make_unique<RedisProtocol>(workload, keys);
  }

 private:
  const std::unique_ptr<Peer> peer_ = MakeRedisPeer();
};

class MemcachedServer final : public MeasuredServer {
 public:
  explicit MemcachedServer(int threads) : threads_(threads) {}

  std::string name() const override { return absl::StrCat("memcached", ThreadsInName(threads_)); }
  std::string program() const override { return peer_->name(); }

  std::vector<std::string> Command(uint16_t port, const std::string& folder,
                                   const Workload& workload) const override {
    std::vector<std::string> command = peer_->Command(port, folder, FillOptionsOf(workload));
    command.insert(command.end(), {"-t", absl::StrCat(threads_)});
    // By default, an item with all that belongs to it may have 1 MiB.
    constexpr size_t kLargeValueBytes = 1000000;
    if (workload.value_bytes > kLargeValueBytes) command.insert(command.end(), {"-I", "4m"});
    return command;
  }

  std::vector<LoadShape> Shapes(const Workload& workload) const override {
    return {workload.PeerShape()};
  }

  std::unique_ptr<LoadProtocol> MakeProtocol(const Workload& workload, uint16_t /*port*/,
                                             const KeyPicker& keys) const override {
    return std::make_unique<MemcachedProtocol>(workload, keys);
  }

 private:
  const int threads_;
  const std::unique_ptr<Peer> peer_ = MakeMemcachedPeer();
};

}  // namespace

std::unique_ptr<MeasuredServer> MakeRedisServer() { return std::make_unique<RedisServer>(); }

std::unique_ptr<MeasuredServer> MakeMemcachedServer(int threads) {
  return std::make_unique<MemcachedServer>(threads);
}

}  // namespace larder::bench
