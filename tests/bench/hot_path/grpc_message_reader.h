#ifndef LARDER_TESTS_BENCH_HOT_PATH_GRPC_MESSAGE_READER_H_
#define LARDER_TESTS_BENCH_HOT_PATH_GRPC_MESSAGE_READER_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "tests/bench/hot_path/piece_joiner.h"

namespace larder::bench {

// Parts the DATA of a stream, which comes in pieces, into gRPC's messages.
class GrpcMessageReader {
 public:
  // Takes the next message from the front of `bytes`. False: it has not all come, and `bytes` is
  // now empty. The message is valid until the next call. INTERNAL: it is compressed.
  absl::StatusOr<bool> Next(std::string_view& bytes, std::string_view& message);

 private:
  PieceJoiner joiner_;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_GRPC_MESSAGE_READER_H_
