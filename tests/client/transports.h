#ifndef LARDER_TESTS_CLIENT_TRANSPORTS_H_
#define LARDER_TESTS_CLIENT_TRANSPORTS_H_

#include <gtest/gtest.h>

#include <string>

#include "client/client.h"

namespace larder::testing {

// For tests that must hold whatever calls travel on.
class OnEachTransport : public ::testing::TestWithParam<ClientOptions::Transport> {};

inline const auto kTransports =
    ::testing::Values(ClientOptions::Transport::kNative, ClientOptions::Transport::kGrpcpp);

inline std::string TransportName(
    const ::testing::TestParamInfo<ClientOptions::Transport>& transport) {
  return transport.param == ClientOptions::Transport::kNative ? "Native" : "Grpcpp";
}

}  // namespace larder::testing

#endif  // LARDER_TESTS_CLIENT_TRANSPORTS_H_
