#ifndef LARDER_TESTS_SERVER_CLIENT_SOCKET_H_
#define LARDER_TESTS_SERVER_CLIENT_SOCKET_H_

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "client/channel/file_descriptor.h"
#include "server/connections/endpoint.h"

namespace larder::server {

// A blocking TCP connection to a numeric endpoint, whose reads give up after a long while.
class ClientSocket {
 public:
  explicit ClientSocket(const Endpoint& endpoint) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* address = nullptr;
    const std::string port = std::to_string(endpoint.port);
    if (::getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &address) != 0) return;
    socket_ = FileDescriptor(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{60, 0};
    ::setsockopt(socket_.number(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    is_connected_ = ::connect(socket_.number(), address->ai_addr, address->ai_addrlen) == 0;
    ::freeaddrinfo(address);
  }

  bool is_connected() const { return is_connected_; }
  // Whether ReadAll ended with RST instead of FIN.
  bool was_reset() const { return was_reset_; }

  void Send(const std::string& bytes) {
    ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  // Sends no more.
  void Finish() { ::shutdown(socket_.number(), SHUT_WR); }

  // Closes with RST instead of FIN, as a process that vanished does.
  void Reset() {
    const linger at_once{1, 0};
    ::setsockopt(socket_.number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    socket_.Close();
  }

  // Whether something can be read, an end for instance, or comes soon.
  bool HasInput() const {
    pollfd polled{socket_.number(), POLLIN, 0};
    return ::poll(&polled, 1, 1) > 0;
  }

  // The next so many bytes, or fewer, if the other side closes.
  std::string Read(size_t bytes) {
    std::string read(bytes, '\0');
    const ssize_t count = ::recv(socket_.number(), read.data(), bytes, MSG_WAITALL);
    read.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
    return read;
  }

  // All that comes until the other side closes.
  std::string ReadAll() {
    std::string all;
    char bytes[4096];
    ssize_t count = 0;
    while ((count = ::recv(socket_.number(), bytes, sizeof(bytes), 0)) > 0) {
      all.append(bytes, static_cast<size_t>(count));
    }
    was_reset_ = count < 0 && errno == ECONNRESET;
    return all;
  }

 private:
  FileDescriptor socket_;
  bool is_connected_ = false;
  bool was_reset_ = false;
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_CLIENT_SOCKET_H_
