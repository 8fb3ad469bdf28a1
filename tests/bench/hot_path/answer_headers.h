#ifndef LARDER_TESTS_BENCH_HOT_PATH_ANSWER_HEADERS_H_
#define LARDER_TESTS_BENCH_HOT_PATH_ANSWER_HEADERS_H_

#include <string>

namespace larder::bench {

// What counts of one block of headers or trailers.
struct AnswerHeaders {
  int http_status = -1;  // -1: not in this block
  int grpc_status = -1;
  std::string grpc_message;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_ANSWER_HEADERS_H_
