#ifndef LARDER_SERVER_REPLICATION_SOURCE_CONNECTION_H_
#define LARDER_SERVER_REPLICATION_SOURCE_CONNECTION_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cluster/replication/messages.h"
#include "server/bus/peer_stream.h"

namespace larder::server {

// Begins to connect to the bus of another node; as BusClient::Connect.
using StreamOpener = std::function<absl::StatusOr<std::shared_ptr<ReplicaStream>>(
    const std::string& endpoint, std::shared_ptr<ReplicaStreamListener> listener)>;

// The stream to the node that this one follows, one at a time, and what waits to be sent on it.
// Belongs to one thread, to which `post` brings what comes of the stream; outlives what was posted.
class SourceConnection {
 public:
  // Not told of a stream that was closed here.
  struct Events {
    std::function<void()> on_open;
    std::function<void(cluster::SourceMessage)> on_message;
    std::function<void(const absl::Status&)> on_closed;
  };
  using Post = std::function<void(std::function<void()>)>;

  SourceConnection(StreamOpener opener, Post post, Events events);

  // REQUIRES: there is none.
  void Open(const std::string& endpoint);
  void Close(const absl::Status& why);
  // Which stream this is: rises with every end. What was begun on another must not go on.
  uint64_t number() const { return number_; }

  // Behind what waits already, or in place of an older acknowledgement.
  void Send(cluster::ReplicaMessage message);
  // Asks for the next message. REQUIRES: there is a stream.
  void ReadNext() { stream_->ReadNext(); }

 private:
  class Listener;

  void OnCanSend();
  void SendNext();

  const StreamOpener opener_;
  const Post post_;
  const Events events_;
  std::shared_ptr<ReplicaStream> stream_;  // nullptr: there is none
  uint64_t number_ = 0;
  bool is_open_ = false;
  bool can_send_ = false;
  std::deque<cluster::ReplicaMessage> unsent_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_REPLICATION_SOURCE_CONNECTION_H_
