#ifndef LARDER_SERVER_HTTP_HTTP_SOCKET_H_
#define LARDER_SERVER_HTTP_HTTP_SOCKET_H_

#include <cstdint>
#include <list>
#include <memory>

#include "client/channel/file_descriptor.h"
#include "client/channel/loop_time.h"
#include "client/channel/socket_watcher.h"
#include "server/http/http_connection.h"
#include "server/http/http_counters.h"

namespace larder::server {

class HttpServer;

// One client's socket, and what is said on it. Has one recv, one answer and one send for each time
// that it is ready, so that others have their turn. Belongs to an HttpServer, and to its thread.
class HttpSocket final : public SocketWatcher {
 public:
  using Place = std::list<std::unique_ptr<HttpSocket>>::iterator;

  HttpSocket(HttpServer* server, FileDescriptor socket);
  HttpSocket(const HttpSocket&) = delete;
  HttpSocket& operator=(const HttpSocket&) = delete;

  // Begins. False: errno says why that cannot be.
  bool Watch();
  void OnReady(uint32_t events) override;
  // Does what these events allow.
  void TakeTurn(uint32_t events);
  // Ends it at once; a request that has come in part is told why.
  void CutOff(HttpEnd end, const HttpRefusal& refusal);

  // Its place in the server's order.
  Place place() const { return place_; }
  void set_place(Place place) { place_ = place; }
  // The time at which it came further last: was accepted, had a whole request, had sent an answer.
  LoopTime moved_at() const { return moved_at_; }
  void set_moved_at(LoopTime time) { moved_at_ = time; }

 private:
  void Read();
  void Write();
  // Draws the consequences of what has happened: sends, ends, or waits for what is to come.
  void Settle();
  void Close(HttpEnd end);

  HttpServer* const server_;
  Place place_;
  LoopTime moved_at_;
  FileDescriptor socket_;
  HttpConnection connection_;
  uint32_t events_;          // that are watched
  bool has_ended_ = false;   // the client sends no more
  bool is_closing_ = false;  // nothing more is sent; what comes is thrown away
  uint64_t steps_ = 0;       // of the connection, as the server knows them
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HTTP_HTTP_SOCKET_H_
