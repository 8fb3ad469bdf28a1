#ifndef LARDER_PROTO_HTTP2_HEADER_DECODER_H_
#define LARDER_PROTO_HTTP2_HEADER_DECODER_H_

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

  // Calls visit for each field of a whole header block, in order; the bytes are borrowed. False:
  // the block is damaged, and with it the connection.
  bool Decode(std::string_view block, Visit visit);

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
