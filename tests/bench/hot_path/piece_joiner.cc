#include "tests/bench/hot_path/piece_joiner.h"

#include <algorithm>

namespace larder::bench {

std::optional<std::string_view> PieceJoiner::Front(size_t size, std::string_view& bytes) {
  if (is_taken_) {
    begun_.clear();
    is_taken_ = false;
  }
  if (begun_.empty() && bytes.size() >= size) return bytes.substr(0, size);
  if (begun_.size() < size) {
    const size_t moved = std::min(size - begun_.size(), bytes.size());
    begun_.append(bytes.substr(0, moved));
    bytes.remove_prefix(moved);
  }
  if (begun_.size() < size) return std::nullopt;
  return std::string_view(begun_).substr(0, size);
}

std::string_view PieceJoiner::Take(size_t size, std::string_view& bytes) {
  if (begun_.empty()) {
    const std::string_view taken = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return taken;
  }
  is_taken_ = true;  // Front has put no more than `size` into it
  return begun_;
}

}  // namespace larder::bench
