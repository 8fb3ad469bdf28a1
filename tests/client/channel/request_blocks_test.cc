#include "client/channel/request_blocks.h"

#include <gtest/gtest.h>

#include <map>

#include "client/channel/connect_backoff.h"
#include "client/channel/socket_address.h"
#include "proto/http2/header_decoder.h"
#include "server/rpc/request_head.h"

namespace larder {
namespace {

std::map<std::string, std::string> Decode(std::string_view block) {
  http2::HeaderDecoder decoder;
  std::map<std::string, std::string> fields;
  const auto visit = [&](std::string_view name, std::string_view value) {
    fields[std::string(name)] = value;
  };
  EXPECT_EQ(decoder.Decode(block, block.size() + 1000, visit), http2::HeaderDecoder::Block::kWhole);
  return fields;
}

TEST(RequestBlocksTest, ABlockHasTheFieldsOfAGrpcRequest) {
  RequestBlocks blocks({"host:1"});
  const std::string path = "/s/M";
  std::map<std::string, std::string> fields = Decode(blocks.BlockOf(path, absl::Milliseconds(7)));
  EXPECT_EQ(fields[":method"], "POST");
  EXPECT_EQ(fields[":scheme"], "http");
  EXPECT_EQ(fields[":path"], "/s/M");
  EXPECT_EQ(fields[":authority"], "host:1");
  EXPECT_EQ(fields["te"], "trailers");
  EXPECT_EQ(fields["content-type"], "application/grpc");
  EXPECT_EQ(fields["grpc-timeout"], "7m");
  EXPECT_EQ(fields.count("grpc-accept-encoding"), 0u);
  EXPECT_EQ(Decode(blocks.BlockOf(path, absl::InfiniteDuration())).count("grpc-timeout"), 0u);
  RequestBlocks secure({"host:1", RequestOrigin::Scheme::kHttps});
  EXPECT_EQ(Decode(secure.BlockOf(path, absl::Milliseconds(7)))[":scheme"], "https");
}

TEST(RequestBlocksTest, TimeoutsAreNeverLessAndAtMostASixteenthMore) {
  for (absl::Duration left = absl::Microseconds(1); left < absl::Hours(200); left *= 1.37) {
    const absl::Duration sent = *server::ParseGrpcTimeout(GrpcTimeout(left));
    EXPECT_GE(sent, left);
    EXPECT_LE(sent, left + left / 16 + absl::Seconds(1) * (left > absl::Hours(27)) +
                        absl::Milliseconds(1));
  }
  EXPECT_EQ(GrpcTimeout(absl::Seconds(-1)), "1m");
  EXPECT_EQ(GrpcTimeout(absl::Hours(1000000000)), "99999999S");
}

TEST(RequestBlocksTest, EveryKeptBlockSaysWhatAFreshOneWould) {
  RequestBlocks kept({"a"});
  const std::string paths[] = {"/s/One", "/s/Two"};
  for (int i = 0; i < 2000; ++i) {
    const std::string& path = paths[i % 2];
    const absl::Duration left = absl::Microseconds(1 + (i * 7919) % 2000000);
    RequestBlocks fresh({"a"});
    ASSERT_EQ(kept.BlockOf(path, left), fresh.BlockOf(path, left)) << left;
  }
}

TEST(RequestBlocksTest, CallsOfOneTimeoutShareABlock) {
  RequestBlocks blocks({"a"});
  const std::string path = "/s/M";
  const std::string_view first = blocks.BlockOf(path, absl::Milliseconds(999));
  const std::string copy(first);
  EXPECT_EQ(blocks.BlockOf(path, absl::Milliseconds(997)).data(), first.data());
  EXPECT_EQ(first, copy);
}

TEST(ConnectBackoffTest, DoublesUpToItsBound) {
  ConnectBackoff backoff(absl::Milliseconds(50), absl::Milliseconds(300));
  for (const int ms : {50, 100, 200, 300, 300}) {
    EXPECT_EQ(backoff.Next(0.5), absl::Milliseconds(ms));
  }
  backoff.Reset();
  EXPECT_EQ(backoff.Next(0), absl::Milliseconds(40));
  EXPECT_LE(backoff.Next(0.999), absl::Milliseconds(120));
}

TEST(SocketAddressTest, NumbersAndPathsNeedNoNameServer) {
  EXPECT_TRUE(IsNumericAddress("127.0.0.1:1"));
  EXPECT_TRUE(IsNumericAddress("[::1]:1"));
  EXPECT_TRUE(IsNumericAddress("unix:/tmp/x"));
  EXPECT_FALSE(IsNumericAddress("localhost:1"));
  EXPECT_EQ(ResolveAddress("[::1]:7600")->front().storage.ss_family, AF_INET6);
  EXPECT_EQ(ResolveAddress("unix:/tmp/x")->front().storage.ss_family, AF_UNIX);
  EXPECT_EQ(ResolveAddress("unix:" + std::string(200, 'x')).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ResolveAddress("no-port").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(AuthorityOf("unix:/tmp/x"), "localhost");
  EXPECT_EQ(AuthorityOf("h:1"), "h:1");
  EXPECT_EQ(HostOf("unix:/tmp/x"), "localhost");
  EXPECT_EQ(HostOf("h:1"), "h");
  EXPECT_EQ(HostOf("[::1]:7600"), "::1");
}

}  // namespace
}  // namespace larder
