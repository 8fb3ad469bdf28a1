#include "client/address.h"

#include <gtest/gtest.h>

namespace larder {
namespace {

TEST(NormalizeAddressTest, CompletesThePort) {
  EXPECT_EQ(*NormalizeAddress("cache-1"), "cache-1:7600");
  EXPECT_EQ(*NormalizeAddress("127.0.0.1:7601"), "127.0.0.1:7601");
  EXPECT_EQ(*NormalizeAddress("[::1]"), "[::1]:7600");
  EXPECT_EQ(*NormalizeAddress("[fe80::1]:80"), "[fe80::1]:80");
  EXPECT_EQ(*NormalizeAddress("unix:/run/larder.sock"), "unix:/run/larder.sock");
}

TEST(NormalizeAddressTest, RefusesWhatIsNoAddress) {
  for (const char* text : {"", ":7600", "host:", "host:0", "host:65536", "host:x", "host:-1",
                           "host:+1", "host: 1", "http://host:7600", "::1", "[::1", "[]:1",
                           "[::1]7600", "[zz]:1", "ho st:1", "unix:", "a,b:7600", "host:7600/"}) {
    const absl::StatusOr<std::string> address = NormalizeAddress(text);
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(NormalizeAddressTest, SaysThatAUrlIsNone) {
  EXPECT_EQ(NormalizeAddress("http://host:7600").status().message(),
            "address 'http://host:7600': this is a URL; expected host:port");
}

}  // namespace
}  // namespace larder
