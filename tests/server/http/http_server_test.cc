#include "server/http/http_server.h"

#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "tests/server/client_socket.h"
#include "tests/server/one_more_file.h"

namespace larder::server {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kRequest[] = "GET /short HTTP/1.0\r\n\r\n";

class HttpServerTest : public testing::Test {
 protected:
  // More than the system keeps for a client that does not read.
  static constexpr size_t kLongBytes = size_t{16} << 20;

  void Start(const HttpLimits& limits, const Endpoint& endpoint = {"127.0.0.1", 0}) {
    HttpPages pages = {
        {"/short", "text/plain", [] { return HttpContent{200, "short\n"}; }},
        {"/next", "text/plain",
         [this] {
           ++nexts_;
           return HttpContent{200, ""};
         }},
        {"/nexts", "text/plain",
         [this] { return HttpContent{200, std::to_string(nexts_) + "\n"}; }},
        {"/gate", "text/plain",
         [this] {
           is_at_gate_.Notify();
           opens_.WaitForNotification();
           return HttpContent{200, ""};
         }},
        {"/long", "text/plain", [] { return HttpContent{200, std::string(kLongBytes, 'l')}; }},
    };
    server_ =
        HttpServer::Start(Listen(endpoint).value(), std::move(pages), limits, &counters_).value();
  }

  std::unique_ptr<ClientSocket> Connect(const std::string& sent = "") {
    auto client = std::make_unique<ClientSocket>(server_->endpoint());
    EXPECT_TRUE(client->is_connected());
    client->Send(sent);
    return client;
  }

  std::string Fetch() { return Connect(kRequest)->ReadAll(); }

  // Asks on a connection that is to be kept.
  static bool IsAnswered(ClientSocket& client) {
    const std::string answer =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n"
        "Connection: keep-alive\r\n\r\n";
    client.Send("HEAD /short HTTP/1.1\r\nHost: x\r\n\r\n");
    return client.Read(answer.size()) == answer;
  }

  // The test's own time limit ends this if it never happens.
  void WaitFor(HttpEnd end, uint64_t count) {
    while (counters_.Read(end) < count) std::this_thread::yield();
  }

  int nexts_ = 0;  // of the server's thread
  absl::Notification is_at_gate_;
  absl::Notification opens_;
  HttpCounters counters_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersThoughOthersHoldAllPlaces) {
  Start({.connections_max = 8, .timeout = absl::Hours(1)});
  std::vector<std::unique_ptr<ClientSocket>> others;
  for (int i = 0; i < 100; ++i) {
    for (const char* const sent : {"", "GET /short HT", "GET /short HTTP/1.1\r\nHost: x\r\n\r\n"}) {
      others.push_back(Connect(sent));
    }
    EXPECT_THAT(Fetch(), EndsWith("\r\n\r\nshort\n"));
  }
  // Those that came first have gone, and a request that was there in part was told why.
  EXPECT_EQ(others[0]->ReadAll(), "");
  EXPECT_THAT(others[1]->ReadAll(),
              testing::AllOf(StartsWith("HTTP/1.1 503 "),
                             HasSubstr("more than 8 connections (--metrics_max_connections)")));
  EXPECT_THAT(others[2]->ReadAll(), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(counters_.accepted(), 400u);
  EXPECT_EQ(counters_.Read(HttpEnd::kTimeout), 0u);
  // Its end waits for none of them.
  server_.reset();
  EXPECT_GE(counters_.Read(HttpEnd::kShutdown), 1u);
  uint64_t ended = 0;
  for (size_t i = 0; i < kHttpEndNames.size(); ++i) {
    ended += counters_.Read(static_cast<HttpEnd>(i));
  }
  EXPECT_EQ(ended, 400u);
}

TEST_F(HttpServerTest, TheOneThatCameFurtherLastStays) {
  Start({.connections_max = 2, .timeout = absl::Hours(1)});
  const auto first = Connect();
  EXPECT_TRUE(IsAnswered(*first));
  const auto second = Connect();
  EXPECT_TRUE(IsAnswered(*second));
  EXPECT_TRUE(IsAnswered(*first));
  const auto third = Connect();
  EXPECT_TRUE(IsAnswered(*third));
  EXPECT_EQ(second->ReadAll(), "");
  EXPECT_TRUE(IsAnswered(*first));
  EXPECT_EQ(counters_.Read(HttpEnd::kEvicted), 1u);
}

TEST_F(HttpServerTest, ClosesWhatTakesTooLong) {
  Start({.timeout = absl::Milliseconds(50)});
  EXPECT_EQ(Connect()->ReadAll(), "");
  EXPECT_THAT(
      Connect("GET /short HT")->ReadAll(),
      testing::AllOf(StartsWith("HTTP/1.1 408 "), HasSubstr("within 50ms (--metrics_timeout)")));
  WaitFor(HttpEnd::kTimeout, 2);
  // An answer does not make it last longer than the next one may take.
  const auto again = Connect("GET /short HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(again->ReadAll(), EndsWith("keep-alive\r\n\r\nshort\n"));
  WaitFor(HttpEnd::kTimeout, 3);
}

TEST_F(HttpServerTest, OneThatAsksAgainAndAgainStays) {
  constexpr auto kTimeout = std::chrono::milliseconds(50);
  Start({.timeout = absl::FromChrono(kTimeout)});
  // Anew where this machine has kept it from asking in time; the test's own time limit ends this.
  auto stayed = std::chrono::steady_clock::duration::zero();
  while (stayed < 5 * kTimeout) {
    const auto begin = std::chrono::steady_clock::now();
    const auto client = Connect();
    while (stayed < 5 * kTimeout && IsAnswered(*client)) {
      stayed = std::chrono::steady_clock::now() - begin;
    }
  }
}

TEST_F(HttpServerTest, BytesOneByOneDoNotMakeARequestLastLonger) {
  Start({.request_bytes_max = size_t{4} << 10, .timeout = absl::Milliseconds(50)});
  const auto client = Connect("GET /");
  // Would end with 414 otherwise.
  while (!client->HasInput()) client->Send("a");
  EXPECT_THAT(client->ReadAll(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(HttpServerTest, ASlowReaderKeepsNobodyWaiting) {
  Start({.timeout = absl::Hours(1)});
  const auto slow = Connect("GET /long HTTP/1.0\r\n\r\n");
  EXPECT_EQ(slow->Read(15), "HTTP/1.1 200 OK");
  EXPECT_THAT(Fetch(), EndsWith("\r\n\r\nshort\n"));
  EXPECT_GT(slow->ReadAll().size(), kLongBytes);
}

TEST_F(HttpServerTest, AClientThatNeverReadsIsLetGo) {
  Start({.timeout = absl::Milliseconds(50)});
  const auto slow = Connect("GET /long HTTP/1.1\r\nHost: x\r\n\r\n");
  WaitFor(HttpEnd::kTimeout, 1);
  EXPECT_LT(slow->ReadAll().size(), kLongBytes);
}

TEST_F(HttpServerTest, AnswersClientsThatSendNoMore) {
  Start({});
  const auto half_closed = Connect(kRequest);
  half_closed->Finish();
  EXPECT_THAT(half_closed->ReadAll(), EndsWith("\r\n\r\nshort\n"));
  const std::string request = "HEAD /short HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto in_a_row = Connect(request + request + kRequest);
  in_a_row->Finish();
  EXPECT_THAT(in_a_row->ReadAll(), EndsWith("\r\n\r\nshort\n"));
  const auto long_one = Connect("GET /long HTTP/1.1\r\nHost: x\r\n\r\n");
  long_one->Finish();
  EXPECT_GT(long_one->ReadAll().size(), kLongBytes);
  WaitFor(HttpEnd::kClient, 1);
}

TEST_F(HttpServerTest, ClientsThatVanishLeaveNothing) {
  Start({.connections_max = 1000, .timeout = absl::Hours(1)});
  std::vector<std::unique_ptr<ClientSocket>> clients;
  for (int i = 0; i < 10; ++i) {
    for (const char* const sent : {"", "GET ", "GET /long HTTP/1.1\r\nHost: x\r\n\r\n"}) {
      clients.push_back(Connect(sent));
    }
  }
  for (const auto& client : clients) client->Reset();
  WaitFor(HttpEnd::kClient, 30);
  EXPECT_THAT(Fetch(), EndsWith("\r\n\r\nshort\n"));
}

TEST_F(HttpServerTest, AnswersRequestsInARow) {
  Start({});
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += "HEAD /short HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string answers = Connect(requests + kRequest)->ReadAll();
  size_t count = 0;
  for (size_t at = 0; (at = answers.find("HTTP/1.1 200", at)) != std::string::npos; ++at) ++count;
  EXPECT_EQ(count, 1001u);
  WaitFor(HttpEnd::kAnswered, 1);
}

TEST_F(HttpServerTest, NewcomersDoNotWaitForTheAnswersOfAllOthers) {
  constexpr size_t kOthers = 100;
  constexpr size_t kNewcomers = 64;
  Start({.connections_max = 1000, .timeout = absl::Hours(1)});
  std::vector<std::unique_ptr<ClientSocket>> others;
  for (size_t i = 0; i < kOthers; ++i) others.push_back(Connect());
  while (counters_.accepted() < kOthers) std::this_thread::yield();
  // All that follows comes at once.
  const auto at_gate = Connect("GET /gate HTTP/1.0\r\n\r\n");
  is_at_gate_.WaitForNotification();
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += "GET /next HTTP/1.1\r\nHost: x\r\n\r\n";
  for (const auto& other : others) other->Send(requests);
  std::vector<std::unique_ptr<ClientSocket>> newcomers;
  for (size_t i = 0; i < kNewcomers; ++i)
    newcomers.push_back(Connect("GET /nexts HTTP/1.0\r\n\r\n"));
  opens_.Notify();
  for (const auto& newcomer : newcomers) {
    const std::string answer = newcomer->ReadAll();
    const size_t end = answer.find("\r\n\r\n");
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(std::stoul(answer.substr(end)), 2 * kNewcomers);
  }
}

TEST_F(HttpServerTest, ARefusalArrivesThoughMoreIsSent) {
  Start({.request_bytes_max = 100});
  const auto client = Connect("POST /short HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n" +
                              std::string(1000000, 'b'));
  EXPECT_THAT(client->ReadAll(), StartsWith("HTTP/1.1 413 "));
  // Which on its way could overtake the answer.
  EXPECT_FALSE(client->was_reset());
}

TEST_F(HttpServerTest, ServesIpv6) {
  const auto listening = Listen({"::1", 0});
  if (!listening.ok()) GTEST_SKIP() << listening.status();
  Start({}, {"::1", 0});
  EXPECT_EQ(server_->endpoint().host, "::1");
  EXPECT_THAT(Fetch(), EndsWith("\r\n\r\nshort\n"));
}

TEST_F(HttpServerTest, PausesWithoutDescriptors) {
  Start({});
  const auto other = Connect();
  while (counters_.accepted() < 1) std::this_thread::yield();
  std::unique_ptr<ClientSocket> client;
  {
    const OneMoreFile for_the_client;
    client = Connect(kRequest);
    while (counters_.accept_failures() < 1) std::this_thread::yield();
    const auto begin = std::chrono::steady_clock::now();
    // Nor do answers let it go on sooner.
    while (counters_.accept_failures() < 3) EXPECT_TRUE(IsAnswered(*other));
    // No bound on how long it takes: it must not take less.
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(100));
  }
  EXPECT_THAT(client->ReadAll(), EndsWith("\r\n\r\nshort\n"));
  EXPECT_EQ(counters_.accepted(), 2u);
}

}  // namespace
}  // namespace larder::server
