#ifndef LARDER_TESTS_CLIENT_CHANNEL_CHANNEL_TLS_FIXTURE_H_
#define LARDER_TESTS_CLIENT_CHANNEL_CHANNEL_TLS_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "client/channel/channel_tls_context.h"
#include "tests/client/channel/channel_fixture.h"
#include "tests/server/tls/test_authority.h"

namespace larder {

class RpcChannelTlsTest : public ::testing::Test {
 protected:
  // A channel to the listener.
  void Open(const std::string& trusted, ChannelOptions options = {},
            const TestCertificate& own = {}) {
    options.address = listener_.address();
    options.tls = ChannelTlsContext::Create({.authorities = {"trusted", trusted},
                                             .certificates = {"own", own.certificate},
                                             .key = {"key", own.key}})
                      .value();
    channel_ = Connect(options);
  }
  void OpenTrusting(ChannelOptions options = {}) {
    Open(authority_.certificate(), std::move(options));
  }
  // What a call says that finds no connection.
  std::string Refusal(WaitingCall& call) {
    EXPECT_EQ(call.Wait(), absl::StatusCode::kUnavailable);
    return call.status.message;
  }

  const TestAuthority authority_{"authority"};
  Listener listener_;
  std::unique_ptr<RpcChannel> channel_;
};

}  // namespace larder

#endif  // LARDER_TESTS_CLIENT_CHANNEL_CHANNEL_TLS_FIXTURE_H_
