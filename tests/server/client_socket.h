#ifndef LARDER_TESTS_SERVER_CLIENT_SOCKET_H_
#define LARDER_TESTS_SERVER_CLIENT_SOCKET_H_

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <string>

#include "client/channel/file_descriptor.h"
#include "server/connections/endpoint.h"

namespace larder::server {

// A blocking TCP connection to an IPv4 endpoint, whose reads give up after a long while.
class ClientSocket {
 public:
  explicit ClientSocket(const Endpoint& endpoint)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    ::inet_pton(AF_INET, endpoint.host.c_str(), &address.sin_addr);
    const timeval patience{60, 0};
    ::setsockopt(socket_.number(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    is_connected_ =
        ::connect(socket_.number(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }

  bool is_connected() const { return is_connected_; }

  void Send(const std::string& bytes) {
    ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  // All that comes until the other side closes.
  std::string ReadAll() {
    std::string all;
    char bytes[4096];
    ssize_t count = 0;
    while ((count = ::recv(socket_.number(), bytes, sizeof(bytes), 0)) > 0) {
      all.append(bytes, static_cast<size_t>(count));
    }
    return all;
  }

 private:
  FileDescriptor socket_;
  bool is_connected_ = false;
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_CLIENT_SOCKET_H_
