#include "server/connections/peer_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace larder::server {
namespace {

using testing::HasSubstr;

TEST(PeerAddressTest, ABusIsAboveTheClientPortOrWhereItIsSaidToBe) {
  const auto plain = ParsePeerAddress("cache-1:7600");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->client.ToString(), "cache-1:7600");
  EXPECT_EQ(plain->bus().ToString(), "cache-1:17600");
  EXPECT_EQ(plain->ToString(), "cache-1:7600");
  const auto other = ParsePeerAddress("[::1]:60000@5");
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ(other->client.ToString(), "[::1]:60000");
  EXPECT_EQ(other->bus().ToString(), "[::1]:5");
  EXPECT_EQ(other->ToString(), "[::1]:60000@5");
  EXPECT_EQ(ParsePeerAddress("a:7600@17600")->ToString(), "a:7600");
  EXPECT_EQ(ParsePeerAddress("a:55535")->bus().port, 65535);
}

TEST(PeerAddressTest, SaysWhatIsWrong) {
  const auto error = [](const std::string& text) {
    const auto address = ParsePeerAddress(text);
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument) << text;
    return std::string(address.status().message());
  };
  EXPECT_THAT(error(""), HasSubstr("no port"));
  EXPECT_THAT(error("cache-1"), HasSubstr("no port"));
  EXPECT_THAT(error(":7600"), HasSubstr("no host"));
  EXPECT_THAT(error("a:0"), HasSubstr("1 to 65535"));
  EXPECT_THAT(error("a:65536"), HasSubstr("0 to 65535"));
  EXPECT_THAT(error("::1:7600"), HasSubstr("in brackets"));
  EXPECT_THAT(error("a:55536"), HasSubstr("port 65536, and there is none above 65535"));
  for (const char* bus : {"", "0", "x", "65536", "-1", "b:5", "5@6"}) {
    EXPECT_THAT(error(std::string("a:60000@") + bus), HasSubstr("must be")) << bus;
  }
}

}  // namespace
}  // namespace larder::server
