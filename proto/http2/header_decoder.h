#ifndef LARDER_PROTO_HTTP2_HEADER_DECODER_H_
#define LARDER_PROTO_HTTP2_HEADER_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/functional/function_ref.h"

struct nghttp2_hd_inflater;

namespace larder::http2 {

// HPACK (RFC 7541) of one direction of a connection, by nghttp2. Not thread-safe.
class HeaderDecoder {
 public:
  using Visit = absl::FunctionRef<void(std::string_view name, std::string_view value)>;

  HeaderDecoder();
  ~HeaderDecoder();

  // What a block was; after all but kWhole the decoder is of no more use.
  enum class [[nodiscard]] Block : uint8_t { kWhole, kDamaged, kTooLarge };

  // Calls visit for each field of a whole header block, in order; the bytes are borrowed.
  // `bytes_max`: of all names and values, with 32 for each field (RFC 9113, section 6.5.2).
  Block Decode(std::string_view block, size_t bytes_max, Visit visit);

  // True if decoding this block leaves the decoder as it is, so that the same bytes mean the same
  // fields until the next block for which it is not true: no field enters the dynamic table.
  // REQUIRES: the block can be decoded.
  static bool IsStateless(std::string_view block);

 private:
  struct Deleter {
    void operator()(nghttp2_hd_inflater* inflater) const;
  };
  const std::unique_ptr<nghttp2_hd_inflater, Deleter> inflater_;
};

}  // namespace larder::http2

#endif  // LARDER_PROTO_HTTP2_HEADER_DECODER_H_
