#include "tests/bench/hot_path/answer_header_reader.h"

#include <nghttp2/nghttp2.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace larder::bench {
namespace {

constexpr int kNoNumber = -2;

int NumberOf(std::string_view text) {
  int number = 0;
  return absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &number) ? number
                                                                                : kNoNumber;
}

void Take(const nghttp2_nv& header, AnswerHeaders& headers) {
  const std::string_view name(reinterpret_cast<const char*>(header.name), header.namelen);
  const std::string_view value(reinterpret_cast<const char*>(header.value), header.valuelen);
  if (name == ":status") {
    headers.http_status = NumberOf(value);
  } else if (name == "grpc-status") {
    headers.grpc_status = NumberOf(value);
  } else if (name == "grpc-message") {
    headers.grpc_message.assign(value);
  }
}

}  // namespace

void AnswerHeaderReader::Deleter::operator()(nghttp2_hd_inflater* inflater) const {
  nghttp2_hd_inflate_del(inflater);
}

AnswerHeaderReader::AnswerHeaderReader() {
  nghttp2_hd_inflater* inflater = nullptr;
  if (nghttp2_hd_inflate_new(&inflater) == 0) inflater_.reset(inflater);
}

absl::StatusOr<AnswerHeaders> AnswerHeaderReader::Read(std::string_view block) {
  constexpr int kIsWholeBlock = 1;
  if (inflater_ == nullptr) return absl::InternalError("no memory to decode headers");
  AnswerHeaders headers;
  int flags = 0;
  while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0) {
    nghttp2_nv header;
    const ssize_t taken = nghttp2_hd_inflate_hd2(inflater_.get(), &header, &flags,
                                                 reinterpret_cast<const uint8_t*>(block.data()),
                                                 block.size(), kIsWholeBlock);
    if (taken < 0) {
      return absl::InternalError(absl::StrCat("headers that cannot be decoded: ",
                                              nghttp2_strerror(static_cast<int>(taken))));
    }
    block.remove_prefix(static_cast<size_t>(taken));
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) Take(header, headers);
  }
  nghttp2_hd_inflate_end_headers(inflater_.get());
  return headers;
}

}  // namespace larder::bench
