#ifndef LARDER_SERVER_FORWARDING_FORWARDED_CALL_H_
#define LARDER_SERVER_FORWARDING_FORWARDED_CALL_H_

#include <chrono>
#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "client/channel/channel_call.h"
#include "client/channel/loop_time.h"
#include "server/forwarding/forwarding.h"
#include "server/forwarding/held_bytes.h"
#include "server/forwarding/peer_channels.h"
#include "server/metrics/method.h"

namespace larder::server {

// A unary call of the Cache service that another node is to answer.
struct ForwardRequest {
  Method method = Method::kGet;
  std::string prefixed;  // the message, behind ChannelCall::kPrefixBytes of any content
  LoopTime deadline = kNoTime;
  bool follows_redirect = true;  // once
  HeldBytes held = {};           // that the message was counted in, if it was already
};

// What came of it: the message if the status is OK. UNAVAILABLE: it was not applied. UNKNOWN: it
// may have been. The other node's own errors have their details.
struct ForwardedAnswer {
  absl::Status status;
  std::string message;
  bool was_redirected = false;
  HeldBytes held = {};  // that the message is counted in
};

// Told once what came of a call that was sent on, on the thread of the loop, in the turn of no
// connection: what is to be said on one goes by a CallTicket.
class ForwardListener {
 public:
  virtual void OnForwarded(ForwardedAnswer answer) = 0;

 protected:
  ~ForwardListener() = default;
};

// One call on its way to the node that owns the slot, one hop: a node that does not own it either
// says who does, and is believed once. Made by a Forwarder; owns itself, until its listener was
// told or has abandoned it. Belongs to the loop's thread.
class ForwardedCall final : public ChannelCall {
 public:
  // Nobody waits for the answer any more: the other node is told, and the listener is not.
  void Abandon();

 private:
  friend class Forwarder;

  ForwardedCall(Forwarding* shared, PeerChannels* peers, ForwardRequest request,
                ForwardListener* listener);
  ~ForwardedCall() override;
  void StartAt(Peer& peer);
  bool AdmitAnswer(size_t message_bytes) override;
  void OnDone() override;
  // Asks the node that the answer names. False: it is no redirect to be followed.
  bool Follow(absl::Status& status);
  // ordering.md rule 14.
  absl::Status StatusOfAttempt() const;
  void End(absl::Status status);

  Forwarding& shared_;
  PeerChannels& peers_;
  const Method method_;
  const bool follows_redirect_;
  const std::chrono::steady_clock::time_point started_;
  ForwardListener* listener_;  // nullptr: it is abandoned
  Peer* peer_ = nullptr;       // whom it is sent to
  HeldBytes held_;
  size_t refused_bytes_ = 0;  // of an answer that there was no room for
  bool was_redirected_ = false;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_FORWARDING_FORWARDED_CALL_H_
