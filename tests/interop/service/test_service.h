#ifndef LARDER_TESTS_INTEROP_SERVICE_TEST_SERVICE_H_
#define LARDER_TESTS_INTEROP_SERVICE_TEST_SERVICE_H_

#include "server/rpc/rpc_method.h"

namespace larder::interop {

// Registers grpc.testing.TestService but for UnimplementedCall, which clients expect to be missing.
// What a client asks for beyond 16 MiB, or with pauses between messages, fails.
void AddTestService(server::RpcMethods& methods);

}  // namespace larder::interop

#endif  // LARDER_TESTS_INTEROP_SERVICE_TEST_SERVICE_H_
