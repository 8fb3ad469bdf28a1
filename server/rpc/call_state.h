#ifndef LARDER_SERVER_RPC_CALL_STATE_H_
#define LARDER_SERVER_RPC_CALL_STATE_H_

#include <cstdint>

namespace larder::server {

// What becomes of the messages of a call's request. Its transitions:
//   kReading -> kHeld      CallRunner::Hold
//   kHeld -> kReading      CallRunner::ResumeHeld
//   kReading -> kNotGrpc   RpcConnection::OnHead
//   any -> kFinished       RpcCall::Finish, RpcConnection::AnswerHttp
enum class CallState : uint8_t {
  kReading,   // they are run as they come
  kHeld,      // they are kept: the turn is over, the client does not read its answers, too many are
              // open, or another call's message is being inflated
  kNotGrpc,   // what comes is dropped; an HTTP status is sent when all has come
  kFinished,  // what comes is dropped; the status was given, though not all may be sent
};

// Whether a call may be touched after something of it was run.
enum class [[nodiscard]] CallOutcome : uint8_t {
  kOpen,
  kOver,  // it was finished, or is no more
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_CALL_STATE_H_
