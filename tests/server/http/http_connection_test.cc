#include "server/http/http_connection.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "server/http/gzip_text.h"

namespace larder::server {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string Gunzipped(std::string bytes) {
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  std::string text(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

std::string BodyOf(const std::string& answer) {
  return answer.substr(std::min(answer.find("\r\n\r\n"), answer.size() - 4) + 4);
}

class HttpConnectionTest : public testing::Test {
 protected:
  HttpConnectionTest() { limits_.request_bytes_max = 200; }

  // What a client gets that sends these bytes, in pieces of that size, and then no more.
  std::string Exchange(std::string_view sent, size_t piece_bytes = 1 << 20) {
    HttpConnection connection(&limits_, &pages_);
    std::string answers = Exchange(connection, sent, piece_bytes);
    answers += End(connection);
    return answers;
  }

  std::string Exchange(HttpConnection& connection, std::string_view sent,
                       size_t piece_bytes = 1 << 20) {
    std::string answers = Drain(connection);
    while (!sent.empty() && connection.wanted_bytes() > 0) {
      const size_t bytes = std::min({piece_bytes, connection.wanted_bytes(), sent.size()});
      connection.Receive(sent.substr(0, bytes));
      sent.remove_prefix(bytes);
      answers += Drain(connection);
    }
    return answers;
  }

  std::string End(HttpConnection& connection) {
    if (!connection.is_over()) connection.ReceiveEnd();
    std::string answers = Drain(connection);
    EXPECT_TRUE(connection.is_over());
    return answers;
  }

  // All that it says without more input.
  static std::string Drain(HttpConnection& connection) {
    std::string answers;
    do {
      connection.Continue();
      while (!connection.unsent().empty()) {
        answers += connection.unsent().front();
        connection.MarkSent(1);
      }
    } while (connection.has_more());
    return answers;
  }

  HttpLimits limits_;
  bool is_ready_ = true;
  int reads_ = 0;
  const std::string long_text_ = std::string(10000, 'a');
  const HttpPages pages_ = {
      {"/short", "text/plain",
       [this] {
         ++reads_;
         return HttpContent{is_ready_ ? 200 : 503, "short\n"};
       }},
      {"/long", "text/x", [this] { return HttpContent{200, long_text_}; },
       [this] { return GzipText(long_text_); }},
  };
};

constexpr char kShortAnswer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n"
    "Connection: keep-alive\r\n\r\nshort\n";

TEST_F(HttpConnectionTest, AnswersGet) {
  EXPECT_EQ(Exchange("GET /short?x=1 HTTP/1.1\r\nHost: x\r\n\r\n"), kShortAnswer);
  is_ready_ = false;
  EXPECT_THAT(Exchange("GET http://x/short HTTP/1.1\r\nHost: x\r\n\r\n"),
              StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
}

TEST_F(HttpConnectionTest, AnswersHeadWithoutABody) {
  const std::string answer = kShortAnswer;
  EXPECT_EQ(Exchange("HEAD /short HTTP/1.1\r\nHost: x\r\n\r\n"),
            answer.substr(0, answer.size() - 6));
  EXPECT_THAT(Exchange("HEAD /none HTTP/1.1\r\nHost: x\r\n\r\n"),
              testing::AllOf(StartsWith("HTTP/1.1 404 "), EndsWith("\r\n\r\n")));
  EXPECT_THAT(Exchange("HEAD /none HTTP/1.1\r\n\r\n"),
              testing::AllOf(StartsWith("HTTP/1.1 400 "), EndsWith("\r\n\r\n")));
}

TEST_F(HttpConnectionTest, SaysWhatThereIsNot) {
  EXPECT_THAT(Exchange("GET /other HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Exchange("POST /other HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  for (const char* const line :
       {"POST /short", "DELETE /short", "get /short", "OPTIONS *", "CONNECT x:1"}) {
    EXPECT_THAT(Exchange(std::string(line) + " HTTP/1.1\r\nHost: x\r\n\r\n"),
                testing::AllOf(StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"),
                               HasSubstr("\r\nAllow: GET, HEAD\r\n")))
        << line;
  }
  EXPECT_EQ(reads_, 0);
}

TEST_F(HttpConnectionTest, AnswersTheSameInWhateverPiecesARequestComes) {
  const std::string conversations[] = {
      "GET /short HTTP/1.1\r\nHost: x\r\n\r\n\r\nHEAD /long HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST /short HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /GET /short HTTP/1.0\r\n\r\n"
      "GET /never HTTP/1.0\r\n\r\n",
      "GET /short HTTP/1.1\r\nHost: x\r\n\r\nGET /short\nHTTP/1.1\r\n\r\n",
      "GET /short HTTP/1.1\r\nHost: x\r\n\r\nGET /" + std::string(300, 'a') + " HTTP/1.1\r\n\r\n",
      "\x16\x03\x01 GET / HTTP/1.0\r\n\r\n",
  };
  const size_t answers_max[] = {4, 2, 2, 1};
  for (size_t i = 0; i < std::size(conversations); ++i) {
    const std::string whole = Exchange(conversations[i]);
    size_t answers = 0;
    for (size_t at = 0; (at = whole.find("Content-Length: ", at)) != std::string::npos; ++at)
      ++answers;
    EXPECT_EQ(answers, answers_max[i]) << whole;
    EXPECT_THAT(whole, HasSubstr("\r\nConnection: close\r\n"));
    for (size_t piece = 1; piece < conversations[i].size(); ++piece) {
      EXPECT_EQ(Exchange(conversations[i], piece), whole) << i << " in pieces of " << piece;
    }
    // In two pieces, cut at each byte.
    for (size_t cut = 0; cut <= conversations[i].size(); ++cut) {
      HttpConnection connection(&limits_, &pages_);
      std::string answers_cut = Exchange(connection, conversations[i].substr(0, cut));
      answers_cut += Exchange(connection, conversations[i].substr(cut));
      EXPECT_EQ(answers_cut + End(connection), whole) << i << " cut at " << cut;
    }
  }
}

TEST_F(HttpConnectionTest, ARequestThatEndsInItsMiddleIsNotAnswered) {
  const std::string request = "POST /short HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
  for (size_t bytes = 0; bytes < request.size(); ++bytes) {
    EXPECT_EQ(Exchange(request.substr(0, bytes)), "") << bytes;
  }
  EXPECT_THAT(Exchange(request), StartsWith("HTTP/1.1 405 "));
}

TEST_F(HttpConnectionTest, AClientThatSendsNoMoreGetsAllThatItAskedFor) {
  HttpConnection connection(&limits_, &pages_);
  const std::string request = "GET /short HTTP/1.1\r\nHost: x\r\n\r\n";
  connection.Receive(request + request);
  connection.ReceiveEnd();
  EXPECT_FALSE(connection.is_over());
  EXPECT_EQ(Drain(connection), std::string(kShortAnswer) + kShortAnswer);
  EXPECT_TRUE(connection.is_over());
}

TEST_F(HttpConnectionTest, ClosesWhereTheClientDoesNotStay) {
  HttpConnection connection(&limits_, &pages_);
  const std::string request = "GET /short HTTP/1.0\r\n\r\n";
  EXPECT_THAT(Exchange(connection, request + request), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_TRUE(connection.is_over());
  EXPECT_EQ(reads_, 1);
  EXPECT_THAT(Exchange("GET /short HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
              HasSubstr("\r\nConnection: keep-alive\r\n"));
}

TEST_F(HttpConnectionTest, TakesNoInputWhileAnAnswerWaits) {
  HttpConnection connection(&limits_, &pages_);
  const std::string request = "GET /short HTTP/1.1\r\nHost: x\r\n\r\n";
  connection.Receive(request + request);
  EXPECT_EQ(connection.wanted_bytes(), 0u);
  EXPECT_EQ(connection.unsent(), kShortAnswer);
  connection.MarkSent(10);
  EXPECT_EQ(connection.unsent(), std::string(kShortAnswer).substr(10));
  EXPECT_FALSE(connection.has_more());
  EXPECT_EQ(reads_, 1);
  connection.MarkSent(connection.unsent().size());
  // The next one only when it is asked for, so that others have their turn.
  EXPECT_TRUE(connection.has_more());
  EXPECT_EQ(reads_, 1);
  connection.Continue();
  EXPECT_EQ(connection.unsent(), kShortAnswer);
  connection.MarkSent(connection.unsent().size());
  EXPECT_FALSE(connection.has_more());
  EXPECT_EQ(connection.wanted_bytes(), limits_.request_bytes_max);
  EXPECT_EQ(connection.steps(), 4u);
}

TEST_F(HttpConnectionTest, BoundsTheHead) {
  const std::string end = " HTTP/1.0\r\n\r\n";
  const auto line = [&](size_t bytes) {
    return "GET /" + std::string(bytes - 5 - end.size(), 'a') + end;
  };
  EXPECT_THAT(Exchange(line(200)), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Exchange(line(203)),
              testing::AllOf(StartsWith("HTTP/1.1 414 "), HasSubstr("\r\nConnection: close\r\n"),
                             HasSubstr("200 bytes (--metrics_max_request_bytes)")));
  const auto fields = [&](size_t bytes) {
    const std::string begin = "GET /short HTTP/1.0\r\nX: ";
    return begin + std::string(bytes - begin.size() - 4, 'a') + "\r\n\r\n";
  };
  EXPECT_THAT(Exchange(fields(200)), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Exchange(fields(201)),
              testing::AllOf(StartsWith("HTTP/1.1 431 "), HasSubstr("\r\nConnection: close\r\n"),
                             HasSubstr("200 bytes (--metrics_max_request_bytes)")));
}

TEST_F(HttpConnectionTest, BoundsTheBody) {
  const auto request = [](size_t bytes) {
    return "GET /short HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(bytes) +
           "\r\n\r\n";
  };
  EXPECT_EQ(Exchange(request(200) + std::string(200, 'b')), kShortAnswer);
  const std::string answer = Exchange(request(201) + std::string(201, 'b'));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer, HasSubstr("200 bytes (--metrics_max_request_bytes)"));
  EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos);
}

TEST_F(HttpConnectionTest, AnswersInPlaceOfAContinue) {
  EXPECT_THAT(Exchange("POST /short HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                       "Content-Length: 10\r\n\r\n"),
              testing::AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("\r\nConnection: close\r\n")));
}

TEST_F(HttpConnectionTest, RefusesAtTheFirstByteThatNoRequestHas) {
  const std::pair<std::string, bool> bytes[] = {
      {"\x16", true},
      {"\r", false},
      {"\r\n", false},
      {"\r\n\r\n", true},
      {"\n", true},
      {"GET\t", true},
      {"GET /\x80", true},
      {std::string("GET \0", 5), true},
      {"GET /\r", false},
      {"GET /\rx", true},
      {"GET /\r\n", false},
      {"GET /\r\nX: \x80\t", false},
      {"GET /\r\nX: \x7f", true},
  };
  for (const auto& [begin, is_refused] : bytes) {
    HttpConnection connection(&limits_, &pages_);
    EXPECT_EQ(Exchange(connection, begin).substr(0, 12), is_refused ? "HTTP/1.1 400" : "")
        << testing::PrintToString(begin);
    EXPECT_EQ(connection.is_over(), is_refused);
  }
}

TEST_F(HttpConnectionTest, CompressesLongPagesForThoseWhoWantIt) {
  const std::string plain = Exchange("GET /long HTTP/1.0\r\n\r\n");
  EXPECT_THAT(plain, HasSubstr("\r\nVary: Accept-Encoding\r\n"));
  EXPECT_THAT(plain, Not(HasSubstr("Content-Encoding")));
  EXPECT_TRUE(BodyOf(plain) == long_text_);
  const std::string compressed = Exchange("GET /long HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
  EXPECT_THAT(compressed, HasSubstr("\r\nContent-Encoding: gzip\r\n"));
  EXPECT_THAT(compressed, HasSubstr("\r\nVary: Accept-Encoding\r\n"));
  const std::string body = BodyOf(compressed);
  EXPECT_THAT(compressed, HasSubstr("\r\nContent-Length: " + std::to_string(body.size()) + "\r\n"));
  EXPECT_LT(body.size(), 1000u);
  EXPECT_TRUE(Gunzipped(body) == long_text_);
  EXPECT_THAT(Exchange("GET /short HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n"),
              EndsWith("\r\n\r\nshort\n"));
}

TEST_F(HttpConnectionTest, KeepsNothingWhileItIsIdle) {
  HttpConnection connection(&limits_, &pages_);
  const size_t kept_at_first = connection.kept_bytes();
  const std::string request = "GET /long HTTP/1.1\r\nHost: x\r\nX: " + std::string(100, 'x');
  connection.Receive(request);
  EXPECT_GT(connection.kept_bytes(), request.size());
  connection.Receive("\r\n\r\n");
  EXPECT_GT(connection.kept_bytes(), long_text_.size());
  EXPECT_THAT(Drain(connection), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(connection.kept_bytes(), kept_at_first);
  Exchange(connection, request + "\n");
  EXPECT_TRUE(connection.is_over());
  EXPECT_EQ(connection.kept_bytes(), kept_at_first);
}

TEST_F(HttpConnectionTest, KnowsWhetherARequestHasBegun) {
  HttpConnection connection(&limits_, &pages_);
  EXPECT_FALSE(connection.is_in_request());
  connection.Receive("P");
  EXPECT_TRUE(connection.is_in_request());
  connection.Receive("OST /short HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n");
  EXPECT_TRUE(connection.is_in_request());
  EXPECT_EQ(connection.steps(), 0u);
  connection.Receive("1");
  EXPECT_FALSE(connection.is_in_request());
  Drain(connection);
  EXPECT_FALSE(connection.is_in_request());
  EXPECT_EQ(connection.steps(), 2u);
  // An empty line, which some clients send behind a request, begins none.
  connection.Receive("\r\n");
  EXPECT_FALSE(connection.is_in_request());
  connection.Receive("G");
  EXPECT_TRUE(connection.is_in_request());
  connection.Refuse({408, "too late"});
  EXPECT_THAT(Drain(connection), testing::AllOf(StartsWith("HTTP/1.1 408 Request Timeout\r\n"),
                                                HasSubstr("\r\nConnection: close\r\n"),
                                                EndsWith("\r\n\r\ntoo late\n")));
  EXPECT_TRUE(connection.is_over());
}

}  // namespace
}  // namespace larder::server
