#ifndef LARDER_TESTS_SERVER_RPC_HTTP2_SESSION_FIXTURE_H_
#define LARDER_TESTS_SERVER_RPC_HTTP2_SESSION_FIXTURE_H_

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/rpc/http2_session.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::http2 {

struct TestStream final : RequestStream {};

// Keeps bodies, and answers nothing by itself.
class SessionTest : public testing::Test, private SessionListener {
 protected:
  SessionTest() { Restart({}); }

  void Restart(SessionLimits limits) {
    SessionListener* const listener = this;
    session_ = std::make_unique<Http2Session>(limits, listener, &output_);
    output_.Rewind(0);
  }

  // Feeds bytes; false: the session has failed.
  bool Feed(const std::string& bytes) { return session_->Receive(bytes); }
  std::vector<SentFrame> Sent() {
    const std::vector<SentFrame> frames = FramesOf(output_.unsent());
    output_.MarkSent(output_.size());
    session_->OnOutputSent();
    return frames;
  }
  // Feeds bytes that end the connection; why it says so.
  ErrorCode FailureOf(const std::string& bytes) {
    Sent();
    EXPECT_FALSE(Feed(bytes));
    const auto frames = Sent();
    if (frames.empty() || frames.back().type != FrameType::kGoaway) return ErrorCode::kNoError;
    return frames.back().error();
  }
  // Feeds bytes that end a stream; why.
  ErrorCode ResetOf(const std::string& bytes) {
    Sent();
    EXPECT_TRUE(Feed(bytes));
    for (const SentFrame& frame : Sent()) {
      if (frame.type == FrameType::kRstStream) return frame.error();
    }
    return ErrorCode::kNoError;
  }
  // A connection on which frames may be sent.
  void Begin() {
    ASSERT_TRUE(Feed(Hello()));
    Sent();
  }
  // A request without an end.
  std::string Open(uint32_t id) { return Headers(id, RequestFields("/a/b")); }
  RequestStream& stream(uint32_t id) { return static_cast<RequestStream&>(*session_->Find(id)); }
  void Write(uint32_t id, std::string_view bytes) {
    stream(id).pending.Append(bytes);
    session_->SendPending(stream(id), bytes.size());
  }
  // DATA on a stream among these.
  static std::string BodyOf(const std::vector<SentFrame>& frames, uint32_t id) {
    std::string body;
    for (const SentFrame& frame : frames) {
      if (frame.type == FrameType::kData && frame.stream_id == id) body += frame.payload;
    }
    return body;
  }

  OutputBuffer output_;
  std::map<uint32_t, std::string> bodies_;
  std::map<uint32_t, std::string> paths_;
  int dropped_ = 0, looked_up_ = 0;
  int unblocked_ = 0;
  std::unique_ptr<Http2Session> session_;

 private:
  RequestStream* NewStream() override { return new TestStream; }
  void DropStream(Stream& stream) override {
    ++dropped_;
    delete &static_cast<TestStream&>(stream);
  }
  bool ReadsMetadata(std::string_view) override { return ++looked_up_ < 0; }
  void OnStreamReset(server::StreamReset) override {}
  void OnHead(Stream& stream, const server::RequestHead& head) override {
    paths_[stream.id] = head.path();
  }
  void OnBody(Stream& stream, std::string_view bytes) override { bodies_[stream.id] += bytes; }
  void OnUnblocked(Stream&) override { ++unblocked_; }
};

}  // namespace larder::http2

#endif  // LARDER_TESTS_SERVER_RPC_HTTP2_SESSION_FIXTURE_H_
