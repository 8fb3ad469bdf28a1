#include "tests/bench/hot_path/request_header_block.h"

#include <cstdint>

namespace larder::bench {
namespace {

// Places in HPACK's static table (RFC 7541, appendix A).
constexpr uint8_t kAuthority = 1;
constexpr uint8_t kMethodPost = 3;
constexpr uint8_t kPath = 4;
constexpr uint8_t kSchemeHttp = 6;
constexpr uint8_t kContentType = 31;
constexpr uint8_t kUserAgent = 58;
constexpr uint8_t kDynamicTable = 62;  // the place of what was inserted last

constexpr uint8_t kIndexed = 0x80;    // section 6.1
constexpr uint8_t kInserting = 0x40;  // section 6.2.1: a literal that enters the dynamic table

void AppendByte(uint8_t byte, std::string& block) { block.push_back(static_cast<char>(byte)); }

// Without Huffman's code.
void AppendText(std::string_view text, std::string& block) {
  AppendByte(static_cast<uint8_t>(text.size()), block);
  block.append(text);
}

void AppendInserting(uint8_t name, std::string_view value, std::string& block) {
  AppendByte(kInserting | name, block);
  AppendText(value, block);
}

}  // namespace

RequestHeaderBlock::RequestHeaderBlock(std::string_view authority, std::string_view path,
                                       std::string_view encoding) {
  for (std::string* const block : {&first_, &later_}) {
    AppendByte(kIndexed | kMethodPost, *block);
    AppendByte(kIndexed | kSchemeHttp, *block);
  }
  AppendInserting(kPath, path, first_);
  AppendInserting(kAuthority, authority, first_);
  AppendInserting(0, "te", first_);
  AppendText("trailers", first_);
  AppendInserting(kContentType, "application/grpc", first_);
  AppendInserting(kUserAgent, "larder-bench", first_);
  uint8_t inserted = 5;
  if (!encoding.empty()) {
    AppendInserting(0, "grpc-encoding", first_);
    AppendText(encoding, first_);
    ++inserted;
  }
  for (uint8_t i = 0; i < inserted; ++i) {
    AppendByte(static_cast<uint8_t>(kIndexed | (kDynamicTable + inserted - 1 - i)), later_);
  }
}

std::string_view RequestHeaderBlock::Next() {
  if (has_begun_) return later_;
  has_begun_ = true;
  return first_;
}

}  // namespace larder::bench
