#ifndef LARDER_TESTS_CLIENT_CHANNEL_HTTP2_CLIENT_FIXTURE_H_
#define LARDER_TESTS_CLIENT_CHANNEL_HTTP2_CLIENT_FIXTURE_H_

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/channel/http2_client_session.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::http2 {

struct TestStream : ClientStream {};

// What was told of one stream.
struct Story {
  bool has_head = false;
  std::string body;
  bool has_ended = false;
  std::optional<int> grpc_status;
  std::optional<StreamFailure> failure;
};

// A session and the server's bytes.
class Http2ClientSessionTest : public ::testing::Test, public ClientSessionListener {
 protected:
  void OnHead(ClientStream& stream, const AnswerFields&) override {
    stories_[&stream].has_head = true;
    if (cancels_at_head_) session_->Cancel(stream, ErrorCode::kCancel);
  }
  void OnBody(ClientStream& stream, std::string_view bytes) override {
    stories_[&stream].body.append(bytes);
  }
  void OnEnd(ClientStream& stream, const AnswerFields* fields) override {
    EXPECT_FALSE(stories_[&stream].has_ended);
    stories_[&stream].has_ended = true;
    if (fields != nullptr) stories_[&stream].grpc_status = fields->grpc_status();
  }
  void OnFailure(ClientStream& stream, const StreamFailure& failure) override {
    EXPECT_FALSE(stories_[&stream].failure.has_value());
    stories_[&stream].failure = failure;
    stories_[&stream].failure->why = {};
  }

  void Open(SessionLimits limits = kClientSessionLimits) {
    session_.emplace(limits, this, &output_);
  }
  // Opens it and lets the server begin; what that sends is forgotten.
  void Establish(std::vector<std::pair<Setting, uint32_t>> settings = {}) {
    if (!session_.has_value()) Open();
    ASSERT_TRUE(session_->Receive(Settings(std::move(settings))));
    TakeSent();
  }
  // The frames that were written since.
  std::vector<SentFrame> TakeSent() {
    std::string_view unsent = output_.unsent();
    if (unsent.starts_with(kPreface)) unsent.remove_prefix(kPreface.size());
    std::vector<SentFrame> frames = FramesOf(unsent);
    output_.MarkSent(output_.size());
    session_->OnOutputSent();
    return frames;
  }
  void Start(TestStream& stream, std::string_view body = "body") {
    ASSERT_TRUE(session_->CanStart());
    session_->Start(stream, block_, body);
  }
  // The session fails with such a GOAWAY.
  void ExpectFailure(const std::string& bytes, ErrorCode code) {
    EXPECT_FALSE(session_->Receive(bytes));
    const std::vector<SentFrame> sent = TakeSent();
    ASSERT_FALSE(sent.empty());
    EXPECT_EQ(sent.back().type, FrameType::kGoaway);
    EXPECT_EQ(sent.back().error(), code);
    EXPECT_NE(session_->failure(), "");
    EXPECT_FALSE(session_->CanStart());
    EXPECT_FALSE(session_->Receive(Settings()));
  }

  static Fields HeadFields() { return {{":status", "200"}, {"content-type", "application/grpc"}}; }
  static std::string Answer(uint32_t id, const std::string& body) {
    return Headers(id, HeadFields()) + Data(id, body) +
           Headers(id, {{"grpc-status", "0"}}, kEndStream);
  }

  const std::string block_ = HeaderBlock(RequestFields("/s/M"));
  OutputBuffer output_;
  std::optional<Http2ClientSession> session_;
  std::map<ClientStream*, Story> stories_;
  TestStream one_, two_, three_;
  bool cancels_at_head_ = false;
};

}  // namespace larder::http2

#endif  // LARDER_TESTS_CLIENT_CHANNEL_HTTP2_CLIENT_FIXTURE_H_
