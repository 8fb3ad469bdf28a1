#include "server/transport/byte_budget.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "server/rpc/rpc_connection.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

constexpr LoopTime kNow{std::chrono::seconds(1000)};
constexpr uint8_t kEnd = http2::kEndStream;
constexpr size_t kBytesMax = 400'000;
constexpr size_t kLarge = 40'000;

TEST(ByteBudgetTest, IsToldOfStepsAndOfTheEnd) {
  ByteBudget budget(kBytesMax);
  ByteShare share(&budget);
  share.Report(ByteShare::kStepBytes - 1);
  EXPECT_EQ(budget.used_bytes(), 0u);
  share.Report(10'000);
  EXPECT_EQ(budget.used_bytes(), 10'000u);
  share.Report(10'001);
  share.Report(9'999);
  EXPECT_EQ(budget.used_bytes(), 10'000u);
  {
    ByteShare other(&budget);
    other.Report(5'000);
    EXPECT_EQ(budget.used_bytes(), 15'000u);
  }
  EXPECT_EQ(budget.used_bytes(), 10'000u) << "a share gives back what it had";
  share.Report(1);
  EXPECT_EQ(budget.used_bytes(), 1u);
  share.Report(0);
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST(ByteBudgetTest, TheLastQuarterIsForThoseThatHoldLittle) {
  ByteBudget budget(kBytesMax);
  ByteShare share(&budget);
  share.Report(kBytesMax / 4 * 3 - 1);
  EXPECT_FALSE(budget.IsFull(kBytesMax));
  ByteShare other(&budget);
  other.Report(ByteShare::kStepBytes);
  EXPECT_TRUE(budget.IsFull(kBytesMax));
  EXPECT_FALSE(budget.IsFull(1000));
  other.Report(kBytesMax / 4 + 1);
  EXPECT_TRUE(budget.IsFull(0));
}

// Answers each message with kLarge bytes.
class Large final : public UnaryMethod {
 public:
  void Run(std::string_view, RpcCall& call) override {
    call.SendMessage(std::string(kLarge, 'v'));
    call.Finish(absl::OkStatus());
  }
};

class Counting final : public StreamingMethod {
 public:
  class Stream final : public StreamingCall {
   public:
    Stream(RpcCall* call, int* messages) : call_(call), messages_(messages) {}
    void OnMessage(std::string_view) override { ++*messages_; }
    void OnEnd() override { call_->Finish(absl::OkStatus()); }
    void OnDrain() override {}

   private:
    RpcCall* const call_;
    int* const messages_;
  };

  explicit Counting(int* messages) : messages_(messages) {}
  std::unique_ptr<StreamingCall> Open(RpcCall& call) override {
    return std::make_unique<Stream>(&call, messages_);
  }

 private:
  int* const messages_;
};

// Connections of one node.
class NodeBudgetTest : public testing::Test {
 protected:
  struct Client {
    Client(const RpcLimits& limits, const RpcMethods* methods, RpcCallPool* calls)
        : connection(limits, methods, calls) {
      Feed(Hello());
    }

    // Feeds and reads what is sent, as much as the windows allow.
    void Feed(const std::string& bytes) {
      EXPECT_TRUE(connection.Receive(bytes, kNow));
      answers.Add(connection.output().unsent());
      connection.output().MarkSent(connection.output().size());
      connection.ReportBytes();
    }
    void Call(const std::string& path, const std::string& body, uint8_t flags) {
      next_id += 2;
      std::string bytes = Headers(next_id, RequestFields(path));
      for (size_t at = 0; at < body.size(); at += http2::kDefaultFrameBytesMax) {
        const std::string piece = body.substr(at, http2::kDefaultFrameBytesMax);
        bytes += Data(next_id, piece, at + piece.size() == body.size() ? flags : uint8_t{0});
      }
      Feed(bytes);
    }
    std::string status() { return answers[next_id].fields["grpc-status"]; }
    std::string message() { return answers[next_id].fields["grpc-message"]; }

    RpcConnection connection;
    Answers answers;
    uint32_t next_id = 0xffffffff;
  };

  NodeBudgetTest() {
    methods_.Add("/test/Large", std::make_unique<Large>());
    methods_.Add("/test/Count", std::make_unique<Counting>(&messages_));
  }

  Client& NewClient() {
    return *clients_.emplace_back(std::make_unique<Client>(limits_, &methods_, &calls_));
  }

  TransportState state_{kBytesMax, kBytesMax};
  int messages_ = 0;
  RpcMethods methods_;
  RpcLimits limits_;
  RpcCallPool calls_{&state_};
  std::vector<std::unique_ptr<Client>> clients_;
};

TEST_F(NodeBudgetTest, IncompleteRequestsOfAllConnectionsAreBounded) {
  const std::string half = Message(std::string(2 * kLarge, 'x')).substr(0, kLarge);
  int refused = 0;
  for (int i = 0; i < 30; ++i) {
    Client& client = NewClient();
    client.Call("/test/Large", half, 0);
    if (client.status() == "8") {
      ++refused;
      EXPECT_NE(client.message().find("--max_total_incomplete_bytes"), std::string::npos);
    }
    EXPECT_LE(state_.incomplete.used_bytes(), kBytesMax + kLarge);
  }
  EXPECT_EQ(refused, 20);
  // What is whole is served all the same.
  Client& other = NewClient();
  other.Call("/test/Large", Message("x"), kEnd);
  EXPECT_EQ(other.status(), "0");
  clients_.clear();
  EXPECT_EQ(state_.incomplete.used_bytes(), 0u);
}

TEST_F(NodeBudgetTest, OneThatHoldsMuchIsRefusedBeforeTheOthers) {
  const std::string half = Message(std::string(2 * kLarge, 'x')).substr(0, kLarge);
  Client& greedy = NewClient();
  for (int i = 0; i < 8; ++i) greedy.Call("/test/Large", half, 0);
  EXPECT_EQ(greedy.status(), "");
  greedy.Call("/test/Large", half, 0);
  EXPECT_EQ(greedy.status(), "8");
  Client& other = NewClient();
  other.Call("/test/Large", half, 0);
  EXPECT_EQ(other.status(), "");
}

TEST_F(NodeBudgetTest, UnreadAnswersOfAllConnectionsAreBounded) {
  // Windows of 65535 bytes: what is beyond waits.
  for (int i = 0; i < 30; ++i) {
    Client& client = NewClient();
    for (int j = 0; j < 3; ++j) client.Call("/test/Large", Message("x"), kEnd);
    EXPECT_LE(state_.unread.used_bytes(), kBytesMax + 2 * kLarge);
  }
  EXPECT_GE(state_.unread.used_bytes(), kBytesMax);
  Client& late = NewClient();
  late.Call("/test/Large", Message("x"), kEnd);
  EXPECT_EQ(late.status(), "8");
  EXPECT_NE(late.message().find("--max_total_unread_bytes"), std::string::npos);
  // A stream is not read, and goes on when others have made room.
  late.Call("/test/Count", Message("a") + Message("b"), 0);
  EXPECT_EQ(messages_, 0);
  late.connection.OnSecondsPassed(1, absl::Hours(1));
  EXPECT_EQ(messages_, 0);
  clients_.erase(clients_.begin(), clients_.begin() + 20);
  late.connection.OnSecondsPassed(1, absl::Hours(1));
  EXPECT_EQ(messages_, 2);
  late.Call("/test/Large", Message("x"), kEnd);
  EXPECT_EQ(late.status(), "0");
}

}  // namespace
}  // namespace larder::server
