#include "server/http/http_request.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace larder::server {
namespace {

constexpr size_t kBodyBytesMax = 100;

std::string Head(const std::string& request_line, const std::string& fields = "Host: x\r\n") {
  return request_line + "\r\n" + fields + "\r\n";
}

HttpRequest Parsed(const std::string& head) {
  const auto parsed = ParseHttpRequest(head, kBodyBytesMax);
  if (const auto* const refusal = std::get_if<HttpRefusal>(&parsed)) {
    ADD_FAILURE() << head << ": " << refusal->status << " " << refusal->reason;
    return {};
  }
  return std::get<HttpRequest>(parsed);
}

// 200: it is not refused.
int StatusOf(const std::string& head) {
  const auto parsed = ParseHttpRequest(head, kBodyBytesMax);
  const auto* const refusal = std::get_if<HttpRefusal>(&parsed);
  return refusal == nullptr ? 200 : refusal->status;
}

int StatusWith(const std::string& fields) {
  return StatusOf(Head("GET / HTTP/1.1", "Host: x\r\n" + fields));
}

TEST(HttpRequestTest, TakesMethodAndPathOfEachFormOfTarget) {
  struct Case {
    std::string line, method, path;
  };
  const std::vector<Case> cases = {
      {"GET /metrics HTTP/1.1", "GET", "/metrics"},
      {"HEAD /metrics?name=a&b=/c HTTP/1.0", "HEAD", "/metrics"},
      {"GET /? HTTP/1.1", "GET", "/"},
      {"GET //metrics HTTP/1.1", "GET", "//metrics"},
      {"GET http://host:9600/metrics HTTP/1.1", "GET", "/metrics"},
      {"GET HTTP://[::1]:9600/metrics?x HTTP/1.1", "GET", "/metrics"},
      {"GET https://host HTTP/1.1", "GET", "/"},
      {"GET http://host?query HTTP/1.1", "GET", "/"},
      {"GET /metrics HTTP/1.9", "GET", "/metrics"},
      {"OPTIONS * HTTP/1.1", "OPTIONS", ""},
      {"CONNECT host:443 HTTP/1.1", "CONNECT", ""},
      {"M-SEARCH /a%20b HTTP/1.1", "M-SEARCH", "/a%20b"},
  };
  for (const Case& each : cases) {
    const std::string head = Head(each.line);
    const HttpRequest request = Parsed(head);
    EXPECT_EQ(request.method, each.method) << each.line;
    EXPECT_EQ(request.path, each.path) << each.line;
    EXPECT_EQ(request.body_bytes, 0u) << each.line;
  }
}

TEST(HttpRequestTest, RefusesRequestLinesThatAreNone) {
  for (const char* const line : {"GET",
                                 "GET ",
                                 "GET /",
                                 "GET / ",
                                 " GET / HTTP/1.1",
                                 "GET  / HTTP/1.1",
                                 "GET /  HTTP/1.1",
                                 "GET / HTTP/1.1 ",
                                 "GET / HTTP/1",
                                 "GET / HTTP/11",
                                 "GET / http/1.1",
                                 "GET / HTTP/1.x",
                                 "GET / HTTP/1.10",
                                 "G@T / HTTP/1.1",
                                 "(GET) / HTTP/1.1",
                                 "GET /a b HTTP/1.1",
                                 "GET metrics HTTP/1.1",
                                 "GET * HTTP/1.1",
                                 "GET ftp://host/ HTTP/1.1",
                                 "GET http:///metrics HTTP/1.1",
                                 "GET http://?metrics HTTP/1.1",
                                 "GET http:/metrics HTTP/1.1",
                                 "GET host:80 HTTP/1.1",
                                 "GET /#part HTTP/1.1",
                                 "/ GET HTTP/1.1"}) {
    EXPECT_EQ(StatusOf(Head(line)), 400) << line;
  }
  EXPECT_EQ(StatusOf(Head("PRI * HTTP/2.0")), 505);
  EXPECT_EQ(StatusOf(Head("GET / HTTP/0.9")), 505);
}

TEST(HttpRequestTest, RefusesFieldsThatAreNone) {
  for (const char* const field :
       {"no colon\r\n", ": value\r\n", "Name : value\r\n", " folded\r\n", "\tfolded: too\r\n",
        "Na me: value\r\n", "N\xc3\xa4me: value\r\n", "Host: another\r\n"}) {
    EXPECT_EQ(StatusWith(field), 400) << field;
  }
  for (const char* const field : {"Name:\r\n", "Name:value\r\n", "Name: \t value \t\r\n",
                                  "Name: a:b\r\n", "Name: v\xc3\xa4lue\r\n"}) {
    EXPECT_EQ(StatusWith(field), 200) << field;
  }
}

TEST(HttpRequestTest, WantsAHostFromHttp11On) {
  EXPECT_EQ(StatusOf(Head("GET / HTTP/1.1", "")), 400);
  EXPECT_EQ(StatusOf(Head("GET / HTTP/1.1", "Host:\r\n")), 200);
  EXPECT_EQ(StatusOf(Head("GET / HTTP/1.0", "")), 200);
  EXPECT_EQ(StatusOf(Head("GET / HTTP/1.1", "hOsT: x\r\n")), 200);
  EXPECT_EQ(StatusOf(Head("GET / HTTP/1.1", "Host: x y\r\n")), 400);
}

TEST(HttpRequestTest, TakesNoBodyThatIsTooLongOrOfUnknownLength) {
  EXPECT_EQ(Parsed(Head("GET / HTTP/1.0", "Content-Length: 100\r\n")).body_bytes, 100u);
  EXPECT_EQ(Parsed(Head("GET / HTTP/1.0", "content-length:007\r\n")).body_bytes, 7u);
  EXPECT_EQ(StatusWith("Content-Length: 101\r\n"), 413);
  EXPECT_EQ(StatusWith("Content-Length: 18446744073709551616\r\n"), 413);
  for (const char* const length : {"", "-1", "+1", "1a", "0x1", "1, 1", "1 1"}) {
    EXPECT_EQ(StatusWith("Content-Length: " + std::string(length) + "\r\n"), 400) << length;
  }
  EXPECT_EQ(StatusWith("Content-Length: 1\r\nContent-Length: 1\r\n"), 400);
  EXPECT_EQ(StatusWith("Transfer-Encoding: chunked\r\n"), 411);
  EXPECT_EQ(StatusWith("Transfer-Encoding: gzip, chunked\r\n"), 501);
  EXPECT_EQ(StatusWith("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(StatusWith("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"), 400);
  EXPECT_EQ(StatusOf(Head("GET / HTTP/1.0", "Transfer-Encoding: chunked\r\n")), 400);
}

TEST(HttpRequestTest, KeepsTheConnectionAsItsVersionAndTheClientWant) {
  const auto keeps = [](const char* version, const std::string& fields) {
    const std::string head = Head(std::string("GET / ") + version, "Host: x\r\n" + fields);
    return Parsed(head).keeps_connection;
  };
  EXPECT_TRUE(keeps("HTTP/1.1", ""));
  EXPECT_TRUE(keeps("HTTP/1.1", "Connection: keep-alive\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1", "Connection: CLOSE\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1", "Connection: TE , close,\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1", "Connection: TE\r\nConnection: close\r\n"));
  EXPECT_TRUE(keeps("HTTP/1.1", "Connection: closed\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.0", ""));
  EXPECT_TRUE(keeps("HTTP/1.0", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.0", "Connection: keep-alive, close\r\n"));
}

TEST(HttpRequestTest, AcceptsGzipOnlyWhereTheClientDoes) {
  const auto accepts = [](const std::string& value) {
    const std::string head = Head("GET / HTTP/1.0", "Accept-Encoding: " + value + "\r\n");
    return Parsed(head).accepts_gzip;
  };
  EXPECT_FALSE(Parsed(Head("GET / HTTP/1.0")).accepts_gzip);
  for (const char* const value : {"gzip", "GZIP", "br, gzip", "deflate,gzip;q=0.5", "x-gzip", "*",
                                  "gzip ; q=0.001", "*;q=0, gzip", "gzip;q=1"}) {
    EXPECT_TRUE(accepts(value)) << value;
  }
  for (const char* const value :
       {"", "br", "identity", "gzip;q=0", "gzip; q=0.000", "*;q=0", "gzip;q=0, *", "gzipped"}) {
    EXPECT_FALSE(accepts(value)) << value;
  }
}

TEST(HttpRequestTest, KnowsOneExpectation) {
  const auto awaits = [](const char* version, const std::string& fields) {
    const std::string head = Head(std::string("GET / ") + version, "Host: x\r\n" + fields);
    return Parsed(head).awaits_continue;
  };
  EXPECT_TRUE(awaits("HTTP/1.1", "Expect: 100-Continue\r\nContent-Length: 3\r\n"));
  EXPECT_FALSE(awaits("HTTP/1.1", "Expect: 100-continue\r\n"));
  EXPECT_FALSE(awaits("HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 3\r\n"));
  EXPECT_EQ(StatusWith("Expect: something\r\n"), 417);
}

}  // namespace
}  // namespace larder::server
