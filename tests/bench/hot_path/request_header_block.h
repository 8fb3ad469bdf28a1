#ifndef LARDER_TESTS_BENCH_HOT_PATH_REQUEST_HEADER_BLOCK_H_
#define LARDER_TESTS_BENCH_HOT_PATH_REQUEST_HEADER_BLOCK_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace larder::bench {

// The headers of a gRPC request in HPACK (RFC 7541). As real clients do, the first block of a
// connection puts them into the server's dynamic table, and the others name their places there.
class RequestHeaderBlock {
 public:
  static constexpr size_t kLaterBytes = 7;  // of each block but the first

  // `encoding`: of compressed messages, if there are any. REQUIRES: all are shorter than 127 bytes.
  RequestHeaderBlock(std::string_view authority, std::string_view path,
                     std::string_view encoding = {});

  // The block of the connection's next request. Valid until the next call.
  std::string_view Next();

 private:
  std::string first_;
  std::string later_;
  bool has_begun_ = false;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_REQUEST_HEADER_BLOCK_H_
