// interop_service: gRPC's TestService on larderd's own transport, on a port that the system chooses
// and prints. Ends when its standard input does.

#include <cstdio>
#include <memory>

#include "server/connections/connection_acceptor.h"
#include "server/connections/listening_socket.h"
#include "server/rpc/server_loop.h"
#include "tests/interop/service/test_service.h"

namespace larder::interop {
namespace {

int Run() {
  server::RpcMethods methods;
  AddTestService(methods);
  const server::RpcLimits limits;
  server::TransportState transport;
  server::ConnectionTable connections(100);
  auto listening = server::Listen({"127.0.0.1", 0});
  auto loop = server::ServerLoop::Start({&limits, &methods, {}, &transport});
  if (!listening.ok() || !loop.ok()) {
    std::fprintf(stderr, "interop_service: cannot listen on 127.0.0.1 or start its loop\n");
    return 1;
  }
  auto acceptor = server::ConnectionAcceptor::Start(
      *std::move(listening), &connections,
      [&loop](int socket) { (*loop)->Add(larder::FileDescriptor(socket)); },
      server::ConnectionAcceptor::Protocol::kHttp2);
  if (!acceptor.ok()) {
    std::fprintf(stderr, "interop_service: cannot accept connections\n");
    return 1;
  }
  std::printf("interop_service: serving on %s\n", (*acceptor)->endpoint().ToString().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}

}  // namespace
}  // namespace larder::interop

int main() { return larder::interop::Run(); }
