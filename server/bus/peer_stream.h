#ifndef LARDER_SERVER_BUS_PEER_STREAM_H_
#define LARDER_SERVER_BUS_PEER_STREAM_H_

#include <string>

#include "absl/status/status.h"
#include "cluster/replication/messages.h"

namespace larder::server {

// One stream between two nodes, as one of them sees it. Thread-safe: everything may be called from
// any thread, from within a listener's reaction too, and also after the stream has ended. Nothing
// waits. Dropping the last reference does not close it.
template <typename In, typename Out>
class PeerStream {
 public:
  virtual ~PeerStream() = default;

  // Takes a message if none is under way, and encodes it on the caller's thread. False: it was not
  // taken, and is as it was; the listener's OnCanSend says when one may be, unless the stream ends.
  virtual bool Send(Out* message) = 0;
  // The listener takes the next message. No more than one is read for each call, and nothing is
  // read without: then the other side is held up by flow control.
  virtual void ReadNext() = 0;
  // Ends the stream, after the message that is under way, which has a bounded time for it. A
  // source's status reaches the replica; a replica just goes away. The first one counts.
  virtual void Close(absl::Status status) = 0;
  // Who is at the other end, for logs: "ipv4:10.0.0.7:40112".
  virtual std::string peer() const = 0;
};

// Hears what happens on one stream: on threads of gRPC, without any lock held, OnMessage and
// OnCanSend perhaps at the same time, each of them one at a time. Must not wait. The stream keeps
// it until OnClosed has returned, which comes exactly once and last.
template <typename In>
class StreamListener {
 public:
  virtual ~StreamListener() = default;

  // One was read, and is well-formed. The next comes after ReadNext.
  virtual void OnMessage(In message) = 0;
  // Send may take one: when the stream is open, and after each one that was sent.
  virtual void OnCanSend() = 0;
  // The stream has ended. OK: a side has closed it with OK. INVALID_ARGUMENT: a side has said what
  // the other does not take.
  virtual void OnClosed(const absl::Status& status) = 0;
};

// The end at the source, and the end at the replica.
using SourceStream = PeerStream<cluster::ReplicaMessage, cluster::SourceMessage>;
using SourceStreamListener = StreamListener<cluster::ReplicaMessage>;
using ReplicaStream = PeerStream<cluster::SourceMessage, cluster::ReplicaMessage>;
using ReplicaStreamListener = StreamListener<cluster::SourceMessage>;

}  // namespace larder::server

#endif  // LARDER_SERVER_BUS_PEER_STREAM_H_
