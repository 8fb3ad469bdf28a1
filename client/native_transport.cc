#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/channel/channel_tls_context.h"
#include "client/channel/rpc_channel.h"
#include "client/transport.h"

namespace larder {
namespace {

class NativeTransport final : public Transport {
 public:
  explicit NativeTransport(std::unique_ptr<RpcChannel> channel) : channel_(std::move(channel)) {}

  void Start(ChannelCall& call) override { channel_->Start(call); }

 private:
  const std::unique_ptr<RpcChannel> channel_;
};

// Names an option as ReadTlsOptions does.
ChannelTlsTexts::Text TextOf(const char* option, const std::string& path, const std::string& pem) {
  return {absl::StrCat(option, ": '", path, "'"), pem};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Transport>> CreateNativeTransport(
    const ClientOptions& options, const std::optional<TlsMaterial>& tls) {
  ChannelOptions channel_options;
  channel_options.address = options.address;
  channel_options.connections = options.connections;
  channel_options.io_threads = options.io_threads;
  channel_options.connect_timeout = options.connect_timeout;
  channel_options.limits.answer_bytes_max = options.max_receive_bytes;
  if (tls.has_value()) {
    auto context = ChannelTlsContext::Create(
        {.authorities = TextOf("tls.ca_file", options.tls->ca_file, tls->ca),
         .certificates = TextOf("tls.cert_file", options.tls->cert_file, tls->cert),
         .key = TextOf("tls.key_file", options.tls->key_file, tls->key)});
    if (!context.ok()) return context.status();
    channel_options.tls = *std::move(context);
    channel_options.tls_server_name = tls->server_name;
  }
  auto channel = RpcChannel::Create(channel_options);
  if (!channel.ok()) return channel.status();
  return std::make_unique<NativeTransport>(*std::move(channel));
}

}  // namespace larder
