#include "server/rpc/metadata.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "server/rpc/rpc_connection.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

constexpr LoopTime kNow{std::chrono::seconds(1000)};
const std::string kBytes("\0\xff,\n", 4);

TEST(MetadataTest, NamesAreThoseThatGrpcLeavesToApplications) {
  for (const char* name : {"larder-routing", "a", "0.x_y-z", "trace-bin", "user-agent"}) {
    EXPECT_TRUE(IsMetadataName(name)) << name;
  }
  for (const char* name : {"", "Upper", "with space", "a:b", ":path", "grpc-timeout", "grpc-x-bin",
                           "te", "content-type", "connection", "proxy-connection", "\x80"}) {
    EXPECT_FALSE(IsMetadataName(name)) << name;
  }
}

TEST(MetadataTest, BinaryValuesComeWithAndWithoutPaddingAndJoined) {
  Metadata metadata;
  ASSERT_TRUE(metadata.Add("x-bin", "AP8sCg==").ok());
  ASSERT_TRUE(metadata.Add("x-bin", "AP8sCg").ok());
  ASSERT_TRUE(metadata.Add("x-bin", "YQ==,YmM, ZGVm").ok());
  ASSERT_TRUE(metadata.Add("x", "YQ==,YmM").ok());
  ASSERT_TRUE(metadata.Add("empty-bin", "").ok());
  std::string all;
  for (const Metadata::Entry& entry : metadata.entries()) {
    all += entry.name + "=" + entry.value + ";";
  }
  EXPECT_EQ(all, "x-bin=" + kBytes + ";x-bin=" + kBytes +
                     ";x-bin=a;x-bin=bc;x-bin=def;x=YQ==,YmM;empty-bin=;");
  EXPECT_EQ(metadata.Find("x-bin"), kBytes);
  EXPECT_EQ(metadata.Find("y"), std::nullopt);
}

TEST(MetadataTest, WhatIsNoBase64OrNoAsciiIsRefusedByItsName) {
  Metadata metadata;
  for (const char* value : {"*", "YQ==,*", "A", "YQ=a"}) {
    const absl::Status status = metadata.Add("broken-bin", value);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << value;
    EXPECT_NE(status.message().find("broken-bin"), std::string::npos) << status;
  }
  for (const char* value : {"\t", "\x80", "caf\xc3\xa9"}) {
    EXPECT_EQ(metadata.Add("x", value).code(), absl::StatusCode::kInvalidArgument) << value;
  }
}

TEST(MetadataTest, WhatIsSentIsChecked) {
  SentMetadata sent;
  const auto code = [&](const char* name, const std::string& value) {
    return sent.Add(name, value).code();
  };
  EXPECT_EQ(code("grpc-status", "1"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("Upper", "1"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("x", "a\nb"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("x", " a"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("x", "a "), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(sent.block(), "");
  EXPECT_EQ(code("x", ""), absl::StatusCode::kOk);
  const std::string before = sent.block();
  // 33 bytes for the field before, 32 for this one.
  EXPECT_EQ(code("y", std::string(kSentMetadataBytesMax - 65, 'v')),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(sent.block(), before);
  EXPECT_EQ(code("y", std::string(kSentMetadataBytesMax - 66, 'v')), absl::StatusCode::kOk);
}

// Sends the metadata of the request back, before the messages what begins with "i", else behind
// them. What the request asks for decides how the call ends.
class Mirror final : public UnaryMethod {
 public:
  explicit Mirror(bool reads) : reads_(reads) {}
  bool reads_metadata() const override { return reads_; }
  void Run(std::string_view request, RpcCall& call) override {
    for (const auto& [name, value] : call.metadata().entries()) {
      const absl::Status status = name.starts_with('i') ? call.AddInitialMetadata(name, value)
                                                        : call.AddTrailingMetadata(name, value);
      if (!status.ok()) return call.Finish(status);
    }
    if (request == "head") call.SendHead();
    if (request == "fail") return call.Finish(absl::AbortedError("as asked"));
    call.SendMessage(request);
    const absl::Status late = call.AddInitialMetadata("late", "1");
    call.Finish(request == "late" ? late : absl::OkStatus());
  }

 private:
  const bool reads_;
};

// Does not take calls without "token".
class Guarded final : public StreamingMethod {
 public:
  class Stream final : public StreamingCall {
   public:
    explicit Stream(RpcCall* call) : call_(call) {}
    void OnMessage(std::string_view) override { ++messages_; }
    void OnEnd() override {
      call_->Finish(messages_ == 1 ? absl::OkStatus() : absl::DataLossError("messages"));
    }
    void OnDrain() override {}

   private:
    RpcCall* const call_;
    int messages_ = 0;
  };

  bool reads_metadata() const override { return true; }
  std::unique_ptr<StreamingCall> Open(RpcCall& call) override {
    if (!call.metadata().Find("token").has_value()) {
      call.Finish(absl::UnauthenticatedError("no token"));
    }
    return std::make_unique<Stream>(&call);
  }
};

class CallMetadataTest : public testing::Test {
 protected:
  CallMetadataTest() {
    methods_.Add("/test/Reads", std::make_unique<Mirror>(true));
    methods_.Add("/test/Guarded", std::make_unique<Guarded>());
    methods_.Add("/test/DoesNot", std::make_unique<Mirror>(false));
    connection_ = std::make_unique<RpcConnection>(limits_, &methods_, &calls_);
    EXPECT_TRUE(connection_->Receive(Hello(), kNow));
  }

  // The fields of the answer and how many header blocks they came in.
  std::pair<std::map<std::string, std::string>, int> Call(const Fields& more,
                                                          const std::string& request,
                                                          const std::string& path = "/test/Reads") {
    OutputBuffer& output = connection_->output();
    output.MarkSent(output.size());
    id_ += 2;
    Fields fields = RequestFields(path);
    fields.insert(fields.end(), more.begin(), more.end());
    EXPECT_TRUE(connection_->Receive(
        Headers(id_, fields) + Data(id_, Message(request), http2::kEndStream), kNow));
    int blocks = 0;
    for (const SentFrame& frame : FramesOf(output.unsent())) {
      blocks += frame.type == http2::FrameType::kHeaders ? 1 : 0;
    }
    answers_.Add(output.unsent());
    EXPECT_TRUE(answers_[id_].is_complete);
    return {answers_[id_].fields, blocks};
  }

  RpcMethods methods_;
  RpcLimits limits_;
  RpcCallPool calls_;
  std::unique_ptr<RpcConnection> connection_;
  Answers answers_;
  uint32_t id_ = 0xffffffff;
};

TEST_F(CallMetadataTest, GoesBothWaysAlsoWhenTheHeaderBlockIsTheSameAgain) {
  const Fields more = {{"i-text", "hello"}, {"i-bytes-bin", "AP8sCg=="}, {"t-bytes-bin", "YQ,YmM"}};
  for (int i = 0; i < 3; ++i) {
    auto [fields, blocks] = Call(more, "x");
    EXPECT_EQ(blocks, 2);
    EXPECT_EQ(fields["i-text"], "hello");
    EXPECT_EQ(fields["i-bytes-bin"], "AP8sCg");
    EXPECT_EQ(fields["t-bytes-bin"], "YmM") << "two fields; the last one is kept here";
    EXPECT_EQ(fields["grpc-status"], "0");
  }
}

TEST_F(CallMetadataTest, IsNotTakenForMethodsThatDoNotReadIt) {
  auto [fields, blocks] = Call({{"i-text", "hello"}, {"t-bytes-bin", "*"}}, "x", "/test/DoesNot");
  EXPECT_EQ(fields["grpc-status"], "0");
  EXPECT_EQ(fields.count("i-text"), 0u);
  std::tie(fields, blocks) = Call({{"i-text", "hello"}}, "x", "/test/Reads");
  EXPECT_EQ(fields["i-text"], "hello");
  std::tie(fields, blocks) = Call({{"i-text", "hello"}}, "x", "/test/DoesNot");
  EXPECT_EQ(fields.count("i-text"), 0u);
}

TEST_F(CallMetadataTest, AnErrorNeedsASecondBlockOnlyForInitialMetadata) {
  auto [fields, blocks] = Call({{"t-text", "behind"}}, "fail");
  EXPECT_EQ(blocks, 1);
  EXPECT_EQ(fields["t-text"], "behind");
  EXPECT_EQ(fields["grpc-status"], "10");
  std::tie(fields, blocks) = Call({{"t-text", "behind"}, {"i-text", "before"}}, "fail");
  EXPECT_EQ(blocks, 2);
  EXPECT_EQ(fields["t-text"], "behind");
  EXPECT_EQ(fields["i-text"], "before");
  EXPECT_EQ(fields["grpc-status"], "10");
}

TEST_F(CallMetadataTest, TheHeadMayGoFirst) {
  auto [fields, blocks] = Call({{"i-text", "before"}}, "head");
  EXPECT_EQ(blocks, 2);
  EXPECT_EQ(fields["i-text"], "before");
  EXPECT_EQ(fields["grpc-status"], "0");
}

TEST_F(CallMetadataTest, AStreamMayBeRefusedForIt) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Call({}, "x", "/test/Guarded").first["grpc-status"], "16");
    EXPECT_EQ(Call({{"token", "t"}}, "x", "/test/Guarded").first["grpc-status"], "0");
    EXPECT_EQ(Call({}, "x", "/test/DoesNot").first["grpc-status"], "0");
  }
}

TEST_F(CallMetadataTest, BadMetadataFailsTheCallAlone) {
  auto [fields, blocks] = Call({{"t-bytes-bin", "*"}}, "x");
  EXPECT_EQ(fields["grpc-status"], "3");
  EXPECT_NE(fields["grpc-message"].find("t-bytes-bin"), std::string::npos);
  std::tie(fields, blocks) = Call({}, "late");
  EXPECT_EQ(fields["grpc-status"], "9");
  EXPECT_NE(fields["grpc-message"].find("late"), std::string::npos);
  std::tie(fields, blocks) = Call({{"i-large", std::string(5000, 'x')}}, "x");
  EXPECT_EQ(fields["grpc-status"], "8");
  EXPECT_EQ(Call({}, "x").first["grpc-status"], "0");
}

}  // namespace
}  // namespace larder::server
