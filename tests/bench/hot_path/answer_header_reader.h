#ifndef LARDER_TESTS_BENCH_HOT_PATH_ANSWER_HEADER_READER_H_
#define LARDER_TESTS_BENCH_HOT_PATH_ANSWER_HEADER_READER_H_

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "tests/bench/hot_path/answer_headers.h"

struct nghttp2_hd_inflater;

namespace larder::bench {

// Decodes the header blocks of one connection, in the order in which they come: each may change
// the table that the next ones refer to.
class AnswerHeaderReader {
 public:
  AnswerHeaderReader();

  // INTERNAL: the block is no HPACK, so no later one could be decoded either.
  absl::StatusOr<AnswerHeaders> Read(std::string_view block);

 private:
  struct Deleter {
    void operator()(nghttp2_hd_inflater* inflater) const;
  };
  std::unique_ptr<nghttp2_hd_inflater, Deleter> inflater_;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_ANSWER_HEADER_READER_H_
