#ifndef LARDER_TESTS_SERVER_BUS_RELAY_H_
#define LARDER_TESTS_SERVER_BUS_RELAY_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <utility>

#include "client/channel/file_descriptor.h"
#include "server/connections/endpoint.h"
#include "server/connections/listening_socket.h"

namespace larder::server {

// Passes one connection on to another port of the loopback, until it is told to cut it as a killed
// process does, or to pass nothing on any more as a stopped one.
class Relay {
 public:
  explicit Relay(const Endpoint& target)
      : target_(target),
        listening_(*Listen({"127.0.0.1", 0})),
        wake_(::eventfd(0, EFD_CLOEXEC)),
        thread_([this] { Run(); }) {}
  ~Relay() {
    Tell(What::kCut);
    thread_.join();
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  const Endpoint& endpoint() const { return listening_.endpoint; }
  void Cut() { Tell(What::kCut); }
  void Stall() { Tell(What::kStall); }

 private:
  enum class What : uint8_t { kPass, kStall, kCut };

  void Tell(What what) {
    what_.store(what);
    const uint64_t one = 1;
    (void)!::write(wake_.number(), &one, sizeof(one));
  }

  void Run() {
    // The listening socket does not block.
    if (!WaitFor(listening_.socket.number())) return;
    FileDescriptor client(::accept4(listening_.socket.number(), nullptr, nullptr, SOCK_CLOEXEC));
    FileDescriptor server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(target_.port);
    ::inet_pton(AF_INET, target_.host.c_str(), &address.sin_addr);
    if (::connect(server.number(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      return;
    }
    while (PassOn(client.number(), server.number())) {
    }
    const linger at_once{1, 0};
    ::setsockopt(client.number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    ::setsockopt(server.number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }

  // False: it is told to cut.
  bool WaitFor(int socket) {
    pollfd polled[2] = {{socket, POLLIN, 0}, {wake_.number(), POLLIN, 0}};
    ::poll(polled, 2, -1);
    return what_.load() != What::kCut;
  }

  // What has come from either side. False: one of them, or the test, has ended it.
  bool PassOn(int client, int server) {
    pollfd polled[3] = {{wake_.number(), POLLIN, 0}, {client, POLLIN, 0}, {server, POLLIN, 0}};
    ::poll(polled, what_.load() == What::kStall ? 1 : 3, -1);
    if ((polled[0].revents & POLLIN) != 0) {
      uint64_t count = 0;
      (void)!::read(wake_.number(), &count, sizeof(count));
    }
    if (what_.load() == What::kCut) return false;
    if (what_.load() == What::kStall) return true;
    if (polled[1].revents != 0 && !PassOnOne(client, server)) return false;
    return polled[2].revents == 0 || PassOnOne(server, client);
  }

  static bool PassOnOne(int from, int to) {
    char bytes[65536];
    const ssize_t count = ::recv(from, bytes, sizeof(bytes), 0);
    if (count <= 0) return false;
    for (ssize_t sent = 0; sent < count;) {
      const ssize_t more =
          ::send(to, bytes + sent, static_cast<size_t>(count - sent), MSG_NOSIGNAL);
      if (more <= 0) return false;
      sent += more;
    }
    return true;
  }

  const Endpoint target_;
  const ListeningSocket listening_;
  const FileDescriptor wake_;
  std::atomic<What> what_{What::kPass};
  std::thread thread_;
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_BUS_RELAY_H_
