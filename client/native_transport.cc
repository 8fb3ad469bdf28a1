#include <utility>

#include "client/transport.h"
#include "server/rpc/channel/rpc_channel.h"

namespace larder {
namespace {

class NativeTransport final : public Transport {
 public:
  explicit NativeTransport(std::unique_ptr<server::RpcChannel> channel)
      : channel_(std::move(channel)) {}

  void Start(server::ChannelCall& call) override { channel_->Start(call); }

 private:
  const std::unique_ptr<server::RpcChannel> channel_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Transport>> CreateNativeTransport(const ClientOptions& options) {
  server::ChannelOptions channel_options;
  channel_options.address = options.address;
  channel_options.connections = options.connections;
  channel_options.io_threads = options.io_threads;
  channel_options.connect_timeout = options.connect_timeout;
  channel_options.limits.answer_bytes_max = options.max_receive_bytes;
  auto channel = server::RpcChannel::Create(channel_options);
  if (!channel.ok()) return channel.status();
  return std::make_unique<NativeTransport>(*std::move(channel));
}

}  // namespace larder
