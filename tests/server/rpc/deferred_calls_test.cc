// Calls that finish after their method has returned, on whatever thread: answered, or ended before.

#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "server/rpc/server_loop.h"
#include "tests/server/rpc/echo_method.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

constexpr uint8_t kEnd = http2::kEndStream;

struct Counts {
  std::atomic<int> run{0};
  std::atomic<int> destroyed{0};
};

class EchoLater final : public CallCompletion {
 public:
  EchoLater(std::string request, Counts* counts) : request_(std::move(request)), counts_(counts) {}
  ~EchoLater() override { ++counts_->destroyed; }
  void Run(RpcCall& call) override {
    ++counts_->run;
    Echo().Run(request_, call);
  }

 private:
  const std::string request_;
  Counts* const counts_;
};

// Tickets with their requests, for the test to use. Thread-safe.
class Tickets {
 public:
  struct Waiting {
    CallTicket ticket;
    std::string request;
  };
  void Add(Waiting waiting) {
    const storage::MutexLock lock(mutex_);
    waiting_.push_back(std::move(waiting));
  }
  Waiting Next() {
    for (;; std::this_thread::yield()) {
      const storage::MutexLock lock(mutex_);
      if (waiting_.empty()) continue;
      Waiting waiting = std::move(waiting_.front());
      waiting_.pop_front();
      return waiting;
    }
  }

 private:
  storage::Mutex mutex_;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
};

class Deferring final : public UnaryMethod {
 public:
  explicit Deferring(Tickets* tickets) : tickets_(tickets) {}
  void Run(std::string_view request, RpcCall& call) override {
    tickets_->Add({call.Defer(), std::string(request)});
  }

 private:
  Tickets* const tickets_;
};

class DeferredCallsTest : public testing::Test {
 protected:
  DeferredCallsTest() {
    methods_.Add("/test/Later", std::make_unique<Deferring>(&tickets_));
    methods_.Add("/test/Echo", std::make_unique<Echo>());
    loop_ = ServerLoop::Start({&limits_, &methods_, IoTimeouts(), &state_}).value();
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    client_ = FileDescriptor(ends[0]);
    loop_->Add(FileDescriptor(ends[1]));
    Send(Hello());
  }

  void Send(const std::string& bytes) {
    ASSERT_EQ(send(client_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  static std::string Call(uint32_t id, const std::string& message, const char* timeout = nullptr) {
    Fields fields = RequestFields("/test/Later");
    if (timeout != nullptr) fields.emplace_back("grpc-timeout", timeout);
    return Headers(id, fields) + Data(id, Message(message), kEnd);
  }
  // False: the node has closed.
  bool Read() {
    pollfd readable{.fd = client_.number(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&readable, 1, 60000), 1);
    char buffer[65536];
    const ssize_t received = recv(client_.number(), buffer, sizeof(buffer), 0);
    if (received <= 0) return false;
    answers_.Add(std::string(buffer, static_cast<size_t>(received)));
    return true;
  }
  std::string ReadStatus(uint32_t id) {
    while (!answers_[id].fields.contains("grpc-status")) {
      if (!Read()) return "closed";
    }
    return answers_[id].fields["grpc-status"];
  }
  void Complete(Tickets::Waiting waiting) {
    waiting.ticket.Complete(std::make_unique<EchoLater>(waiting.request, &counts_));
  }
  void WaitForDestruction() {
    while (counts_.destroyed == 0) std::this_thread::yield();
  }
  // Any further call is answered behind what the loop was to do before.
  void WaitForLoop(uint32_t id) {
    Send(Headers(id, RequestFields("/test/Echo")) + Data(id, Message("ping"), kEnd));
    ASSERT_EQ(ReadStatus(id), "0");
  }

  Tickets tickets_;
  Counts counts_;
  TransportState state_;
  RpcLimits limits_;
  RpcMethods methods_;
  std::unique_ptr<ServerLoop> loop_;
  FileDescriptor client_;
  Answers answers_;
};

TEST_F(DeferredCallsTest, AnotherThreadAnswersInAnyOrderWhileOthersAreServed) {
  Send(Call(1, "one") + Call(3, "three"));
  Tickets::Waiting one = tickets_.Next();
  Tickets::Waiting three = tickets_.Next();
  WaitForLoop(5);
  EXPECT_FALSE(answers_[1].fields.contains("grpc-status"));
  std::thread([&] { Complete(std::move(three)); }).join();
  EXPECT_EQ(ReadStatus(3), "0");
  EXPECT_EQ(answers_[3].body, Message("three"));
  EXPECT_FALSE(answers_[1].fields.contains("grpc-status"));
  std::thread([&] { Complete(std::move(one)); }).join();
  EXPECT_EQ(ReadStatus(1), "0");
  EXPECT_EQ(answers_[1].body, Message("one"));
}

TEST_F(DeferredCallsTest, ManyThreadsAnswerManyCalls) {
  constexpr uint32_t kCalls = 400;
  constexpr int kThreads = 4;
  std::string bytes;
  for (uint32_t i = 0; i < kCalls; ++i) bytes += Call(2 * i + 1, std::to_string(i));
  Send(bytes);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (uint32_t j = 0; j < kCalls / kThreads; ++j) Complete(tickets_.Next());
    });
  }
  for (uint32_t i = 0; i < kCalls; ++i) {
    EXPECT_EQ(ReadStatus(2 * i + 1), "0");
    EXPECT_EQ(answers_[2 * i + 1].body, Message(std::to_string(i)));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counts_.run, static_cast<int>(kCalls));
}

TEST_F(DeferredCallsTest, ADeadlineEndsACallThatWaits) {
  Send(Call(1, "late", "1m"));
  EXPECT_EQ(ReadStatus(1), "4");
  Complete(tickets_.Next());
  WaitForDestruction();
  EXPECT_EQ(counts_.run, 0);
  // Its method has seen it.
  EXPECT_EQ(state_.metrics.ReadRefused(absl::StatusCode::kDeadlineExceeded), 0u);
}

TEST_F(DeferredCallsTest, AClientMayCancelACallThatWaits) {
  Send(Call(1, "unwanted"));
  Tickets::Waiting waiting = tickets_.Next();
  Send(Frame(http2::FrameType::kRstStream, 0, 1, BigEndian(8, 4)));
  WaitForLoop(3);
  Complete(std::move(waiting));
  WaitForDestruction();
  EXPECT_EQ(counts_.run, 0);
}

TEST_F(DeferredCallsTest, ACallWhoseTicketIsDroppedFails) {
  Send(Call(1, "forgotten"));
  {
    const Tickets::Waiting dropped = tickets_.Next();
  }
  EXPECT_EQ(ReadStatus(1), "13");
}

TEST_F(DeferredCallsTest, ADrainWaitsForACallThatWaits) {
  Send(Call(1, "last"));
  Tickets::Waiting waiting = tickets_.Next();
  loop_->Drain();
  while (answers_.others().empty() || answers_.others().back().type != http2::FrameType::kGoaway) {
    ASSERT_TRUE(Read());
  }
  EXPECT_EQ(loop_->connections(), 1u);
  Complete(std::move(waiting));
  EXPECT_EQ(ReadStatus(1), "0");
  while (Read()) {
  }
}

TEST_F(DeferredCallsTest, AConnectionMayEndBeforeItsCalls) {
  Send(Call(1, "alone"));
  Tickets::Waiting waiting = tickets_.Next();
  client_.Close();
  while (loop_->connections() != 0) std::this_thread::yield();
  Complete(std::move(waiting));
  loop_.reset();
  EXPECT_EQ(counts_.run, 0);
  EXPECT_EQ(counts_.destroyed, 1);
}

TEST_F(DeferredCallsTest, ALoopMayEndBeforeItsTicketsAreUsed) {
  Send(Call(1, "one") + Call(3, "three"));
  Tickets::Waiting one = tickets_.Next();
  Tickets::Waiting three = tickets_.Next();
  loop_.reset();
  Complete(std::move(one));
  EXPECT_EQ(counts_.run, 0);
  EXPECT_EQ(counts_.destroyed, 1);
}

TEST(CallMailboxTest, LettersThatComeTogetherWakeOnce) {
  int wakes = 0;
  auto mailbox = std::make_shared<CallMailbox>([&] { ++wakes; });
  for (uint32_t stream : {1, 3, 5}) CallTicket(mailbox, 7, stream).Complete(nullptr);
  EXPECT_EQ(wakes, 1);
  const std::vector<CallLetter> letters = mailbox->Take();
  ASSERT_EQ(letters.size(), 3u);
  EXPECT_EQ(letters[1].connection, 7u);
  EXPECT_EQ(letters[1].stream, 3u);
  EXPECT_TRUE(mailbox->Take().empty());
  {
    const CallTicket dropped(mailbox, 7, 9);
  }
  EXPECT_EQ(wakes, 2);
  mailbox->Close();
  {
    const CallTicket dropped(mailbox, 7, 11);
  }
  EXPECT_EQ(wakes, 2);
}

}  // namespace
}  // namespace larder::server
