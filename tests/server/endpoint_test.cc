#include "server/connections/endpoint.h"

#include <gtest/gtest.h>

#include "server/connections/listening_socket.h"

namespace larder::server {
namespace {

TEST(EndpointTest, ReadsNamesAndAddresses) {
  for (const char* text : {"127.0.0.1:7600", "localhost:0", "[::1]:65535", "0.0.0.0:1"}) {
    const auto endpoint = ParseEndpoint(text);
    ASSERT_TRUE(endpoint.ok()) << text;
    EXPECT_EQ(endpoint->ToString(), text);
  }
  EXPECT_EQ(ParseEndpoint("[::1]:5")->host, "::1");
}

TEST(EndpointTest, RefusesWhatIsNone) {
  for (const char* text : {"", "nowhere", ":7600", "host:", "host:x", "host:65536", "host:-1",
                           "::1:7600", "host:+1", "host:000001"}) {
    EXPECT_EQ(ParseEndpoint(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ListenTest, ChoosesAPortAndRefusesOneThatIsTaken) {
  const auto first = Listen({"127.0.0.1", 0});
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_NE(first->endpoint.port, 0);
  const auto second = Listen(first->endpoint);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(second.status().message().find("in use"), absl::string_view::npos);
  EXPECT_NE(second.status().message().find(first->endpoint.ToString()), absl::string_view::npos);
}

TEST(ListenTest, ListensOnHostNames) {
  const auto listening = Listen({"localhost", 0});
  ASSERT_TRUE(listening.ok()) << listening.status();
  EXPECT_NE(listening->endpoint.host, "localhost");
}

}  // namespace
}  // namespace larder::server
