#ifndef LARDER_SERVER_RPC_ANSWER_WRITER_H_
#define LARDER_SERVER_RPC_ANSWER_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "proto/http2/output_buffer.h"

namespace larder::server {

class RpcCall;

// Writes a message of an answer to where it is sent from: the connection's output, or its stream's
// pending DATA if it cannot be sent at once. A message that is not closed is taken back with the
// writer or by RpcCall::Finish, whichever comes first. While one is open nothing else is to be done
// with the call but Finish. Belongs to the thread of the call's loop.
class AnswerWriter {
 public:
  explicit AnswerWriter(RpcCall* call) : call_(call) {}
  ~AnswerWriter() {
    if (is_open()) Discard();
  }
  AnswerWriter(const AnswerWriter&) = delete;
  AnswerWriter& operator=(const AnswerWriter&) = delete;

  // Opens a message, which is to be written at the end of this buffer. `bytes`: how long it will
  // be, about. REQUIRES: none of the call's is open.
  OutputBuffer& Open(size_t bytes);
  bool is_open() const { return place_ != Place::kNone; }
  // Sends what was written. REQUIRES: is_open().
  void Close();
  // Takes it back. REQUIRES: is_open().
  void Discard();
  // Takes it back and returns it. REQUIRES: is_open().
  std::string TakeBack();

 private:
  enum class Place : uint8_t { kNone, kOutput, kPending };

  void ClosePending();

  RpcCall* const call_;
  Place place_ = Place::kNone;
  size_t mark_ = 0;        // where what belongs to it begins
  size_t frame_mark_ = 0;  // where its frame does, in the output
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_ANSWER_WRITER_H_
