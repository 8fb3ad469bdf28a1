// A connection that brings much work at once has a turn of it, and the others theirs in between; a
// call whose deadline has passed meanwhile is not run.

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "server/rpc/rpc_connection.h"
#include "server/rpc/server_loop.h"
#include "tests/gzipped.h"
#include "tests/server/rpc/echo_method.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

constexpr uint8_t kEnd = http2::kEndStream;
constexpr LoopTime kNow{std::chrono::seconds(1000)};

// A clock that each call moves on.
struct Work {
  LoopTime clock = kNow;
  std::vector<std::string> done;
  void Do(std::string_view what, RpcCall& call) {
    done.emplace_back(what);
    clock += std::chrono::microseconds(400);
    call.TellTime(clock);
  }
};

class SlowEcho final : public UnaryMethod {
 public:
  explicit SlowEcho(Work* work) : work_(work) {}
  void Run(std::string_view request, RpcCall& call) override {
    work_->Do(request, call);
    echo_.Run(request, call);
  }

 private:
  Work* const work_;
  Echo echo_;
};

class SlowStream final : public EchoCall {
 public:
  SlowStream(RpcCall* call, Work* work) : EchoCall(call), work_(work) {}
  void OnMessage(std::string_view message) override {
    work_->Do(message, *call());
    EchoCall::OnMessage(message);
  }

 private:
  Work* const work_;
};

class FairTurnsTest : public testing::Test {
 protected:
  FairTurnsTest() {
    limits_.turn = std::chrono::milliseconds(1);
    methods_.Add("/test/Slow", std::make_unique<SlowEcho>(&work_));
    methods_.Add("/test/Stream", std::make_unique<EchoStream<SlowStream, Work*>>(&work_));
    connection_ = std::make_unique<RpcConnection>(limits_, &methods_, &calls_);
    EXPECT_TRUE(Receive(Hello({{http2::Setting::kInitialWindowSize, 1 << 20}})));
  }

  // What was received goes afterwards, as the buffer of a loop does.
  bool Receive(const std::string& bytes) {
    auto buffer = std::make_unique<std::string>(bytes);
    const bool goes_on = connection_->Receive(*buffer, work_.clock);
    buffer.reset();
    TakeOutput();
    return goes_on;
  }
  // Returns how many calls or messages were run in it.
  size_t NextTurn() {
    const size_t before = work_.done.size();
    EXPECT_TRUE(connection_->Continue(work_.clock));
    TakeOutput();
    return work_.done.size() - before;
  }
  void TakeOutput() {
    while (!connection_->output().empty()) {
      const std::string sent(connection_->output().unsent());
      connection_->output().MarkSent(sent.size());
      answers_.Add(sent);
      connection_->OnOutputSent();
    }
  }
  static std::string Call(uint32_t id, Fields fields = RequestFields("/test/Slow")) {
    return Headers(id, std::move(fields)) + Data(id, Message(absl::StrCat(id)), kEnd);
  }
  static Fields WithTimeout(const std::string& timeout) {
    Fields fields = RequestFields("/test/Slow");
    fields.emplace_back("grpc-timeout", timeout);
    return fields;
  }
  std::string StatusOf(uint32_t id) { return answers_[id].fields["grpc-status"]; }

  Work work_;
  RpcMethods methods_;
  RpcLimits limits_;
  RpcCallPool calls_;
  Answers answers_;
  std::unique_ptr<RpcConnection> connection_;
};

TEST_F(FairTurnsTest, WhatDoesNotFitIntoATurnWaitsForTheNextInOrder) {
  std::string bytes;
  std::vector<std::string> all;
  for (uint32_t id = 1; id < 21; id += 2) {
    bytes += Call(id);
    all.push_back(absl::StrCat(id));
  }
  ASSERT_TRUE(Receive(bytes));
  EXPECT_EQ(work_.done.size(), 3u);  // 400 us each
  ASSERT_TRUE(connection_->has_more());
  EXPECT_EQ(NextTurn(), 3u);
  EXPECT_EQ(NextTurn(), 3u);
  ASSERT_TRUE(connection_->has_more());
  EXPECT_EQ(NextTurn(), 1u);
  EXPECT_FALSE(connection_->has_more());
  EXPECT_EQ(work_.done, all);
  for (uint32_t id = 1; id < 21; id += 2) {
    EXPECT_EQ(StatusOf(id), "0") << id;
    EXPECT_EQ(answers_[id].body, Message(absl::StrCat(id)));
  }
  EXPECT_TRUE(connection_->is_idle());
}

TEST_F(FairTurnsTest, WhatComesWhileMoreWaitsIsBehindIt) {
  std::string bytes;
  for (uint32_t id = 1; id < 11; id += 2) bytes += Call(id);
  const std::string more = Call(11) + Call(13);
  ASSERT_TRUE(Receive(bytes));
  for (size_t at = 0; at < more.size(); at += 5) ASSERT_TRUE(Receive(more.substr(at, 5)));
  while (connection_->has_more()) ASSERT_GT(NextTurn(), 0u);
  EXPECT_EQ(work_.done, (std::vector<std::string>{"1", "3", "5", "7", "9", "11", "13"}));
  EXPECT_EQ(StatusOf(13), "0");
}

TEST_F(FairTurnsTest, ACallThatIsCancelledBeforeItsTurnIsNotRun) {
  std::string bytes;
  for (uint32_t id = 1; id < 9; id += 2) bytes += Call(id);
  bytes += Headers(9, RequestFields("/test/Slow")) + Data(9, Message("9"));
  ASSERT_TRUE(Receive(bytes + Frame(http2::FrameType::kRstStream, 0, 9, BigEndian(8, 4))));
  while (connection_->has_more()) NextTurn();
  EXPECT_EQ(work_.done, (std::vector<std::string>{"1", "3", "5", "7"}));
  EXPECT_TRUE(connection_->is_idle());
}

// Leaves each of its messages open.
class OpenStream final : public EchoCall {
 public:
  OpenStream(RpcCall* call, std::vector<CallTicket>* tickets) : EchoCall(call), tickets_(tickets) {}
  void OnMessage(std::string_view) override { tickets_->push_back(call()->Defer()); }

 private:
  std::vector<CallTicket>* const tickets_;
};

class Nothing final : public CallCompletion {
 public:
  void Run(RpcCall&) override {}
};

TEST_F(FairTurnsTest, AStreamHasNoMoreMessagesOpenThanItMay) {
  std::vector<CallTicket> tickets;
  methods_.Add("/test/Open",
               std::make_unique<EchoStream<OpenStream, std::vector<CallTicket>*>>(&tickets));
  limits_.deferred_max = 5;
  limits_.turn = std::chrono::hours(1);
  std::string bytes = Headers(1, RequestFields("/test/Open"));
  for (int i = 0; i < 40; ++i) bytes += Data(1, Message("m"));
  ASSERT_TRUE(Receive(bytes));
  EXPECT_EQ(tickets.size(), 5u);
  for (size_t answered = 0; answered < 36; ++answered) {
    tickets[answered].Complete(std::make_unique<Nothing>());
    connection_->Resume(calls_.mailbox()->Take(), work_.clock);
    EXPECT_EQ(tickets.size(), std::min<size_t>(answered + 6, 40)) << answered;
  }
  EXPECT_FALSE(connection_->has_more());
}

// Each step of an inflation ends a turn.
class InflatingTurnsTest : public FairTurnsTest {
 protected:
  InflatingTurnsTest() { Restart(); }
  void Restart() {
    limits_.turn = std::chrono::nanoseconds(1);
    connection_ = std::make_unique<RpcConnection>(limits_, &methods_, &calls_);
    EXPECT_TRUE(Receive(Hello({{http2::Setting::kInitialWindowSize, 4 << 20}})));
  }

  static std::string Text(char first) {
    std::string text;
    for (uint32_t i = 0; text.size() < 1'000'000; ++i) absl::StrAppend(&text, i * 2654435761u);
    text[0] = first;
    return text;
  }
  static std::string Compressed(uint32_t id, const std::string& path, const std::string& message) {
    Fields fields = RequestFields(path);
    fields.emplace_back("grpc-encoding", "gzip");
    const std::string body = Message(Gzipped(message), true);
    std::string bytes = Headers(id, fields);
    for (size_t at = 0; at < body.size(); at += 16000) {
      bytes += Data(id, body.substr(at, 16000), at + 16000 >= body.size() ? kEnd : 0);
    }
    return bytes;
  }
  // All that is under way comes to its end; returns in how many turns.
  size_t Finish() {
    size_t turns = 0;
    for (; connection_->has_more() && turns < 100'000; ++turns) {
      EXPECT_TRUE(connection_->Continue(work_.clock));
      TakeOutput();
    }
    return turns;
  }
};

TEST_F(InflatingTurnsTest, AMessageIsInflatedByStepsOneAfterTheOther) {
  ASSERT_TRUE(Receive(Compressed(1, "/test/Slow", Text('a')) +
                      Compressed(3, "/test/Stream", Text('b')) + Call(5) +
                      Compressed(7, "/test/Slow", Text('c'))));
  EXPECT_GE(Finish(), 3 * (1'000'000u / 65536));
  EXPECT_EQ(answers_[5].body, Message("5"));
  // Answers of this length wait for their client; what was run came whole.
  ASSERT_EQ(work_.done.size(), 4u);
  EXPECT_EQ(work_.done[0], "5") << "it did not wait for the others";
  std::sort(work_.done.begin(), work_.done.end());
  EXPECT_TRUE(work_.done == (std::vector<std::string>{"5", Text('a'), Text('b'), Text('c')}));
}

TEST_F(InflatingTurnsTest, ACallThatEndsMeanwhileMakesWayForTheNext) {
  ASSERT_TRUE(Receive(Compressed(1, "/test/Slow", Text('a'))));
  ASSERT_TRUE(Receive(Compressed(3, "/test/Slow", Text('b'))));
  for (int i = 0; i < 3; ++i) NextTurn();
  ASSERT_TRUE(Receive(Frame(http2::FrameType::kRstStream, 0, 1, BigEndian(8, 4))));
  Finish();
  ASSERT_EQ(work_.done.size(), 1u);
  EXPECT_TRUE(work_.done[0] == Text('b'));
}

TEST_F(InflatingTurnsTest, WhatAMessageWillTakeCountsForTheBoundOfItsConnection) {
  limits_.buffered_bytes_max = 900'000;
  Restart();
  ASSERT_TRUE(Receive(Compressed(1, "/test/Slow", Text('a'))));
  Finish();
  EXPECT_EQ(StatusOf(1), "8");
  ASSERT_TRUE(Receive(Compressed(3, "/test/Slow", "short") + Call(5)));
  Finish();
  EXPECT_EQ(answers_[3].body, Message("short"));
  EXPECT_EQ(answers_[5].body, Message("5"));
}

TEST_F(FairTurnsTest, ADeadlineIsLookedAtBeforeACallRuns) {
  std::string bytes;
  for (uint32_t id = 1; id < 21; id += 2) bytes += Call(id, WithTimeout("700u"));
  ASSERT_TRUE(Receive(bytes));
  while (connection_->has_more()) NextTurn();
  EXPECT_EQ(work_.done, (std::vector<std::string>{"1", "3"}));
  EXPECT_EQ(StatusOf(1), "0");
  EXPECT_EQ(StatusOf(3), "0");
  for (uint32_t id = 5; id < 21; id += 2) EXPECT_EQ(StatusOf(id), "4") << id;
}

TEST_F(FairTurnsTest, ADeadlineCountsFromWhenTheCallCameAndNotFromItsTurn) {
  std::string bytes;
  for (uint32_t id = 1; id < 13; id += 2) bytes += Call(id);
  ASSERT_TRUE(Receive(bytes + Call(13, WithTimeout("2m"))));
  while (connection_->has_more()) NextTurn();
  EXPECT_EQ(work_.done.size(), 6u);
  EXPECT_EQ(StatusOf(13), "4");
}

TEST_F(FairTurnsTest, MessagesOfAStreamWaitForTheNextTurnInOrder) {
  std::string messages;
  std::vector<std::string> all;
  for (int i = 0; i < 40; ++i) {
    messages += Message(absl::StrCat(i));
    all.push_back(absl::StrCat(i));
  }
  ASSERT_TRUE(Receive(Headers(1, RequestFields("/test/Stream")) + Data(1, messages, kEnd)));
  EXPECT_EQ(work_.done.size(), 3u);
  size_t turns = 1;
  while (connection_->has_more()) {
    const size_t run = NextTurn();
    ASSERT_GT(run, 0u);
    EXPECT_LE(run, 3u);
    ++turns;
  }
  EXPECT_GE(turns, 14u);
  EXPECT_EQ(work_.done, all);
  EXPECT_EQ(answers_[1].body, messages);
  EXPECT_EQ(StatusOf(1), "0");
}

TEST_F(FairTurnsTest, AConnectionThatFailsHasNothingMoreToRun) {
  std::string bytes;
  for (uint32_t id = 1; id < 11; id += 2) bytes += Call(id);
  ASSERT_TRUE(Receive(bytes + Frame(http2::FrameType::kData, 0, 0, "no stream")));
  EXPECT_FALSE(connection_->Continue(work_.clock));
  EXPECT_FALSE(connection_->has_more());
  EXPECT_EQ(work_.done.size(), 5u);
}

// The first call waits until the other connection has sent something.
class FirstWaits final : public UnaryMethod {
 public:
  FirstWaits(std::atomic<int>* calls, absl::Notification* go) : calls_(calls), go_(go) {}
  void Run(std::string_view request, RpcCall& call) override {
    if (calls_->fetch_add(1) == 0) go_->WaitForNotification();
    clock_ = std::max(clock_, call.received_at()) + std::chrono::milliseconds(2);
    call.TellTime(clock_);
    echo_.Run(request, call);
  }

 private:
  std::atomic<int>* const calls_;
  absl::Notification* const go_;
  LoopTime clock_{};
  Echo echo_;
};

class Counts final : public UnaryMethod {
 public:
  Counts(const std::atomic<int>* calls, std::atomic<int>* seen) : calls_(calls), seen_(seen) {}
  void Run(std::string_view request, RpcCall& call) override {
    seen_->store(calls_->load());
    echo_.Run(request, call);
  }

 private:
  const std::atomic<int>* const calls_;
  std::atomic<int>* const seen_;
  Echo echo_;
};

TEST(FairLoopTest, AnotherConnectionNeedNotWaitForAllThatOneHasSent) {
  constexpr int kCalls = 500;
  std::atomic<int> calls{0};
  std::atomic<int> seen{-1};
  absl::Notification go;
  RpcMethods methods;
  methods.Add("/test/Slow", std::make_unique<FirstWaits>(&calls, &go));
  methods.Add("/test/Counts", std::make_unique<Counts>(&calls, &seen));
  TransportState state;
  RpcLimits limits;
  auto loop = ServerLoop::Start({&limits, &methods, IoTimeouts(), &state}).value();
  FileDescriptor clients[2];
  for (FileDescriptor& client : clients) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    client = FileDescriptor(ends[0]);
    loop->Add(FileDescriptor(ends[1]));
  }
  const auto send_to = [&](int client, const std::string& bytes) {
    ASSERT_EQ(send(clients[client].number(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  };
  std::string bytes = Hello();
  for (int i = 0; i < kCalls; ++i) {
    const auto id = static_cast<uint32_t>(2 * i + 1);
    bytes += Headers(id, RequestFields("/test/Slow")) + Data(id, Message("x"), kEnd);
  }
  send_to(0, bytes);
  while (calls.load() == 0) std::this_thread::yield();
  send_to(1, Hello() + Headers(1, RequestFields("/test/Counts")) + Data(1, Message("x"), kEnd));
  go.Notify();
  // Both are answered whole.
  Answers answers[2];
  const auto is_answered = [&](int client, uint32_t id) {
    return answers[client][id].fields.contains("grpc-status");
  };
  for (int client : {1, 0}) {
    const auto last = static_cast<uint32_t>(client == 1 ? 1 : 2 * kCalls - 1);
    while (!is_answered(client, last)) {
      pollfd readable{.fd = clients[client].number(), .events = POLLIN, .revents = 0};
      ASSERT_EQ(poll(&readable, 1, 60000), 1);
      char buffer[65536];
      const ssize_t received = recv(clients[client].number(), buffer, sizeof(buffer), 0);
      ASSERT_GT(received, 0);
      answers[client].Add(std::string(buffer, static_cast<size_t>(received)));
    }
  }
  EXPECT_EQ(calls.load(), kCalls);
  EXPECT_GE(seen.load(), 1);
  EXPECT_LE(seen.load(), 3);
}

}  // namespace
}  // namespace larder::server
