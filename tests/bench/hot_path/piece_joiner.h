#ifndef LARDER_TESTS_BENCH_HOT_PATH_PIECE_JOINER_H_
#define LARDER_TESTS_BENCH_HOT_PATH_PIECE_JOINER_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace larder::bench {

// Looks at the front of a stream of bytes that comes in pieces, and copies only what a piece ends
// within. `bytes` is always what is left of the last piece.
class PieceJoiner {
 public:
  // The first `size` bytes of the stream, which stay there. Nothing: they have not all come, and
  // `bytes` is now empty. Valid until the next call.
  std::optional<std::string_view> Front(size_t size, std::string_view& bytes);

  // Takes them off the stream. REQUIRES: Front has just returned as many.
  std::string_view Take(size_t size, std::string_view& bytes);

 private:
  std::string begun_;
  bool is_taken_ = false;  // begun_ is only there for whom Take returned it to
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_PIECE_JOINER_H_
