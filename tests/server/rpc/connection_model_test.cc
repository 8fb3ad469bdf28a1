// A random client against RpcConnection: bytes cut anywhere, small windows, slow reading, calls
// that finish later in any order, resets, deadlines, turns, drains. What must hold: each call is
// answered once and rightly or ended for a reason that there is, nothing is lost or leaks.
// LARDER_SEED=N replays a run, LARDER_SEEDS=N makes more of them.

#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/rpc/rpc_connection.h"
#include "tests/server/rpc/echo_method.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

constexpr uint8_t kEnd = http2::kEndStream;
constexpr size_t kRequestBytesMax = 20000;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

// What is under way outside of the connection: a clock, and tickets that wait to be used.
struct Outside {
  LoopTime clock{std::chrono::seconds(1000)};
  std::vector<std::function<void()>> answers;
  int completions = 0;  // that live
};

// Echoes when it is run; or defers again, while `rounds` are left.
class LateEcho final : public CallCompletion {
 public:
  LateEcho(Outside* outside, std::string request, int rounds, bool finishes)
      : outside_(outside), request_(std::move(request)), rounds_(rounds), finishes_(finishes) {
    ++outside_->completions;
  }
  ~LateEcho() override { --outside_->completions; }

  static void Defer(Outside* outside, std::string_view request, int rounds, bool finishes,
                    RpcCall& call) {
    auto ticket = std::make_shared<CallTicket>(call.Defer());
    outside->answers.push_back([=, text = std::string(request)] {
      ticket->Complete(std::make_unique<LateEcho>(outside, text, rounds, finishes));
    });
  }

  void Run(RpcCall& call) override {
    if (rounds_ > 0) return Defer(outside_, request_, rounds_ - 1, finishes_, call);
    call.SendMessage(request_);
    if (finishes_) call.Finish(absl::OkStatus());
  }

 private:
  Outside* const outside_;
  const std::string request_;
  const int rounds_;
  const bool finishes_;
};

class LateMethod final : public UnaryMethod {
 public:
  LateMethod(Outside* outside, int rounds) : outside_(outside), rounds_(rounds) {}
  void Run(std::string_view request, RpcCall& call) override {
    call.TellTime(outside_->clock += std::chrono::microseconds(150));
    LateEcho::Defer(outside_, request, rounds_, /*finishes=*/true, call);
  }

 private:
  Outside* const outside_;
  const int rounds_;
};

class SlowEcho final : public UnaryMethod {
 public:
  explicit SlowEcho(Outside* outside) : outside_(outside) {}
  void Run(std::string_view request, RpcCall& call) override {
    call.TellTime(outside_->clock += std::chrono::microseconds(300));
    Echo().Run(request, call);
  }

 private:
  Outside* const outside_;
};

class SlowStream final : public EchoCall {
 public:
  SlowStream(RpcCall* call, Outside* outside) : EchoCall(call), outside_(outside) {}
  void OnMessage(std::string_view message) override {
    call()->TellTime(outside_->clock += std::chrono::microseconds(100));
    EchoCall::OnMessage(message);
  }

 private:
  Outside* const outside_;
};

// One call as its client knows it.
struct Expected {
  std::string body;  // of the answer, if it is OK
  bool streams = false;
  bool too_large = false;
  bool was_reset = false;
  bool has_deadline = false;
  size_t sent = 0;
  std::vector<std::string> frames;  // still to be sent, in order
};

class ConnectionModel {
 public:
  explicit ConnectionModel(uint64_t seed) : random_(seed) {
    methods_.Add("/test/Echo", std::make_unique<Echo>());
    methods_.Add("/test/Slow", std::make_unique<SlowEcho>(&outside_));
    methods_.Add("/test/Late", std::make_unique<LateMethod>(&outside_, 0));
    methods_.Add("/test/Later", std::make_unique<LateMethod>(&outside_, 2));
    methods_.Add("/test/Stream", std::make_unique<EchoStream<SlowStream, Outside*>>(&outside_));
    limits_.request_bytes_max = kRequestBytesMax;
    limits_.session.lent_bytes_min = 4096;
    connection_ = std::make_unique<RpcConnection>(limits_, &methods_, &calls_);
    if (OneIn(2)) connection_->EnableLending();
    window_ = OneIn(3) ? uint32_t{1} << 20 : static_cast<uint32_t>(Below(3000));
    bytes_ = Hello({{http2::Setting::kInitialWindowSize, window_}});
    drains_ = OneIn(4);
  }

  void Run() {
    for (uint32_t id = 1; id < 2 * 24; id += 2) Plan(id);
    while (Mix()) Act();
    while (!bytes_.empty()) Act();
    Settle();
  }
  void Check();

 private:
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }

  void Plan(uint32_t id) {
    static const char* const kPaths[] = {"/test/Echo", "/test/Slow", "/test/Late", "/test/Later",
                                         "/test/Stream"};
    Expected& call = expected_[id];
    const char* const path = kPaths[Below(5)];
    call.streams = path == std::string_view("/test/Stream");
    Fields fields = RequestFields(path);
    if (OneIn(5)) {
      fields.emplace_back("grpc-timeout", std::to_string(1 + Below(20)) + "m");
      call.has_deadline = true;
    }
    std::string body;
    const size_t messages = call.streams ? Below(8) : 1;
    for (size_t i = 0; i < messages; ++i) {
      const size_t bytes = OneIn(12) ? kRequestBytesMax + 1 : Below(OneIn(3) ? 15000 : 200);
      call.too_large |= bytes > kRequestBytesMax;
      body += Message(std::string(bytes, static_cast<char>('a' + Below(26))));
    }
    call.body = body;
    call.frames.push_back(Headers(id, fields));
    for (size_t at = 0; at < body.size();) {
      const size_t piece = std::min<size_t>(body.size() - at, 1 + Below(OneIn(2) ? 60 : 9000));
      call.frames.push_back(Data(id, std::string_view(body).substr(at, piece)));
      at += piece;
    }
    call.frames.push_back(Data(id, "", kEnd));
  }

  // Takes one more frame of some call into what the client sends; calls begin in order.
  bool Mix() {
    std::vector<uint32_t> ready;
    for (auto& [id, call] : expected_) {
      if (call.sent < call.frames.size() && !call.was_reset) ready.push_back(id);
      if (call.sent == 0) break;
    }
    if (ready.empty()) return false;
    Expected& call = expected_[ready[Below(ready.size())]];
    if (call.sent > 0 && OneIn(40)) {
      call.was_reset = true;
      const auto id = http2::FrameHeader::Read(call.frames[0].data()).stream_id;
      bytes_ += Frame(http2::FrameType::kRstStream, 0, id, BigEndian(8, 4));
    } else {
      bytes_ += call.frames[call.sent++];
    }
    return true;
  }

  void Act() {
    switch (Below(8)) {
      case 0:
        return TakeOutput(Below(5000));
      case 1:
        outside_.clock += std::chrono::microseconds(Below(1500));
        return connection_->ExpireCalls(outside_.clock);
      case 2:
        return Answer();
      case 3:
        if (connection_->has_more()) goes_on_ &= connection_->Continue(outside_.clock);
        return;
      case 4:
        if (!OneIn(10)) return;
        if (OneIn(2)) connection_->ReleaseMemory();
        return connection_->OnSecondsPassed(0, absl::Hours(1));
      case 5:
        if (!drains_ || !OneIn(60)) return;
        drained_ = true;
        return connection_->Drain();
      case 6:
        if (!OneIn(4)) return;
        bytes_ += WindowUpdate(0, 1 + static_cast<uint32_t>(Below(5000)));
        return;
      default: {
        const size_t bytes = std::min<size_t>(bytes_.size(), 1 + Below(OneIn(2) ? 30 : 20000));
        auto buffer = std::make_unique<std::string>(bytes_.substr(0, bytes));
        bytes_.erase(0, bytes);
        if (goes_on_) goes_on_ = connection_->Receive(*buffer, outside_.clock);
      }
    }
  }

  // Somebody has the result of some call.
  void Answer() {
    if (!outside_.answers.empty()) {
      const size_t which = Below(outside_.answers.size());
      const auto answer = std::move(outside_.answers[which]);
      outside_.answers.erase(outside_.answers.begin() + static_cast<ptrdiff_t>(which));
      if (!OneIn(30))
        answer();  // or gives it up
      else
        ++given_up_;
    }
    if (OneIn(2)) Deliver();
  }
  void Deliver() {
    std::vector<CallLetter> letters = calls_.mailbox()->Take();
    for (const CallLetter& letter : letters) EXPECT_EQ(letter.connection, connection_->number());
    connection_->Resume(std::move(letters), outside_.clock);
  }

  void TakeOutput(size_t bytes) {
    if (connection_->CanLend()) {
      std::vector<std::string_view> pieces;
      connection_->Lend(pieces);
      size_t left = bytes;
      for (const std::string_view piece : pieces) {
        sent_.append(piece.substr(0, left));
        left -= std::min(left, piece.size());
      }
      connection_->TakeBack(pieces, bytes - left);
    } else {
      bytes = std::min(bytes, connection_->output().size());
      sent_.append(connection_->output().unsent().substr(0, bytes));
      connection_->output().MarkSent(bytes);
    }
    connection_->OnOutputSent();
  }

  // The client reads all, and all is answered.
  void Settle() {
    if (goes_on_) {
      std::string windows = WindowUpdate(0, uint32_t{1} << 28);
      for (const auto& [id, call] : expected_) windows += WindowUpdate(id, uint32_t{1} << 28);
      goes_on_ = connection_->Receive(windows, outside_.clock);
    }
    for (int i = 0; i < 400; ++i) {
      TakeOutput(size_t{1} << 20);
      if (connection_->has_more()) goes_on_ &= connection_->Continue(outside_.clock);
      while (!outside_.answers.empty()) {
        outside_.answers.back()();
        outside_.answers.pop_back();
        Deliver();
      }
      Deliver();
    }
    outside_.clock += std::chrono::seconds(1);
    connection_->ExpireCalls(outside_.clock);
    TakeOutput(size_t{1} << 20);
    connection_->ReportBytes();
  }

  std::mt19937_64 random_;
  Outside outside_;
  RpcMethods methods_;
  RpcLimits limits_;
  TransportState state_;
  RpcCallPool calls_{&state_};
  std::unique_ptr<RpcConnection> connection_;
  std::map<uint32_t, Expected> expected_;
  uint32_t window_ = 0;
  std::string bytes_;  // that the client sends next
  std::string sent_;   // by the connection
  bool goes_on_ = true;
  bool drains_ = false;
  bool drained_ = false;
  int given_up_ = 0;
};

void ConnectionModel::Check() {
  EXPECT_TRUE(goes_on_);
  EXPECT_TRUE(connection_->is_idle());
  EXPECT_FALSE(connection_->has_more());
  EXPECT_EQ(outside_.completions, 0);
  EXPECT_EQ(state_.incomplete.used_bytes(), 0u);
  EXPECT_EQ(state_.unread.used_bytes(), 0u);
  Answers answers;
  answers.Add(sent_);
  int failures = 0;
  for (const auto& [id, call] : expected_) {
    if (call.was_reset) continue;
    const Answers::Answer& answer = answers[id];
    SCOPED_TRACE(testing::Message() << "stream " << id);
    ASSERT_TRUE(answer.is_complete || answer.is_reset);
    if (answer.is_reset) {
      // An answer before the end of the request, a deadline while it waits to be read, a drain.
      const bool is_refused = answer.reset_code == http2::ErrorCode::kRefusedStream;
      const bool is_late = answer.reset_code == http2::ErrorCode::kCancel && call.has_deadline;
      const bool is_early = answer.reset_code == http2::ErrorCode::kNoError && answer.is_complete;
      EXPECT_TRUE((is_refused && drained_) || is_late || is_early)
          << static_cast<int>(answer.reset_code);
      if (!is_early) continue;
    }
    const auto status = answer.fields.find("grpc-status");
    ASSERT_NE(status, answer.fields.end());
    if (status->second == "0") {
      EXPECT_EQ(answer.body, call.body);
      EXPECT_FALSE(call.too_large);
    } else if (status->second == "4") {
      EXPECT_TRUE(call.has_deadline);
    } else if (status->second == "8") {
      EXPECT_TRUE(call.too_large);
    } else if (status->second == "14") {
      EXPECT_TRUE(drained_ && call.streams);
    } else {
      EXPECT_EQ(status->second, "13");  // given up
      ++failures;
    }
    EXPECT_TRUE(call.body.starts_with(answer.body));
  }
  EXPECT_LE(failures, given_up_);
}

TEST(ConnectionModelTest, EachCallIsAnsweredOnceAndRightlyWhateverHappens) {
  const uint64_t first = FromEnvironment("LARDER_SEED", 1);
  const uint64_t seeds =
      std::getenv("LARDER_SEED") != nullptr ? 1 : FromEnvironment("LARDER_SEEDS", 150);
  for (uint64_t seed = first; seed < first + seeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("LARDER_SEED=" + std::to_string(seed));
    ConnectionModel model(seed);
    model.Run();
    model.Check();
  }
}

}  // namespace
}  // namespace larder::server
