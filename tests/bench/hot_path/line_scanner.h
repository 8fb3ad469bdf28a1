#ifndef LARDER_TESTS_BENCH_HOT_PATH_LINE_SCANNER_H_
#define LARDER_TESTS_BENCH_HOT_PATH_LINE_SCANNER_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace larder::bench {

// Parts a stream of bytes, which comes in pieces, into lines and bodies of known size between them.
class LineScanner {
 public:
  // Takes the next line from the front of `bytes`. False: it has not all come, and `bytes` is now
  // empty. `line` is without its end, and valid until the next call.
  bool NextLine(std::string_view& bytes, std::string_view& line);

  // What comes next is no line but so many bytes, which the next NextLine passes over.
  void SkipBody(uint64_t bytes) { body_bytes_left_ = bytes; }

 private:
  uint64_t body_bytes_left_ = 0;
  std::string begun_;  // the beginning of a line whose end has not come
  bool is_returned_ = false;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_LINE_SCANNER_H_
