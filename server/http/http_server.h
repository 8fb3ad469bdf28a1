#ifndef LARDER_SERVER_HTTP_HTTP_SERVER_H_
#define LARDER_SERVER_HTTP_HTTP_SERVER_H_

#include <list>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "client/channel/event_loop.h"
#include "client/channel/loop_member.h"
#include "client/channel/loop_time.h"
#include "client/channel/socket_watcher.h"
#include "server/connections/endpoint.h"
#include "server/connections/listening_socket.h"
#include "server/http/http_counters.h"
#include "server/http/http_limits.h"
#include "server/http/http_page.h"
#include "server/http/http_socket.h"

namespace larder::server {

// Serves pages on one thread of its own, which reads them. A connection that has not come further
// for limits.timeout is closed; so is the one that has not for longest, when there are more than
// limits.connections_max: one that asks at once is always answered, whoever holds the others.
class HttpServer final : private LoopMember, private SocketWatcher {
 public:
  // `counters` outlives it. RESOURCE_EXHAUSTED: no more files or threads are to be had.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(ListeningSocket listening,
                                                           HttpPages pages,
                                                           const HttpLimits& limits,
                                                           HttpCounters* counters);
  // Closes all connections at once.
  ~HttpServer() override;

  const Endpoint& endpoint() const { return endpoint_; }
  // Returns when the page that is being read now is read.
  void PassBy() {
    events_->RunAndWait([] {});
  }

  // What follows is for its sockets, on its thread.

  EventLoop& events() { return *events_; }
  LoopTime now() const { return events_->now(); }
  const HttpLimits& limits() const { return limits_; }
  const HttpPages& pages() const { return pages_; }
  // Notes that the socket came further.
  void MoveBack(HttpSocket& socket);
  // Accepts one more, if there is one. Behind each answer, since those of all who are open can take
  // seconds, which newcomers are not to wait for. REQUIRES: none is being accepted.
  void AcceptNext() { Accept(1); }
  // Takes a socket that is closed, and destroys it when nothing of it can be running any more.
  void Release(HttpSocket& socket, HttpEnd end);

 private:
  HttpServer(std::unique_ptr<EventLoop> events, ListeningSocket listening, HttpPages pages,
             const HttpLimits& limits, HttpCounters* counters);
  bool Begin();
  void OnReady(uint32_t events) override;
  void OnTurn() override;
  void OnSecond(uint32_t) override {}
  void Accept(int connections_max);
  void Open(FileDescriptor socket);
  // Stops to accept for a moment, since the process has no descriptors: else it would spin.
  void PauseAccepting();
  // Asks for a turn when the next connection is overdue, or accepting is to go on.
  void UpdateDeadline();

  const HttpLimits limits_;
  const HttpPages pages_;
  HttpCounters* const counters_;
  const Endpoint endpoint_;
  const HttpRefusal too_late_;
  const HttpRefusal too_many_;

  // All below belongs to the thread.
  FileDescriptor listening_;
  LoopTime accept_again_ = kNoTime;                 // while accepting pauses
  std::list<std::unique_ptr<HttpSocket>> sockets_;  // that came further last to the back
  std::vector<std::unique_ptr<HttpSocket>> closed_;

  const std::unique_ptr<EventLoop> events_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HTTP_HTTP_SERVER_H_
