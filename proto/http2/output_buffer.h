#ifndef LARDER_PROTO_HTTP2_OUTPUT_BUFFER_H_
#define LARDER_PROTO_HTTP2_OUTPUT_BUFFER_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace larder {

// Bytes on their way to a socket, in one piece: written at the end, sent from the beginning. Not
// thread-safe. Memory is taken with the first byte and kept until Release.
class OutputBuffer {
 public:
  // Where the next `bytes` bytes go; valid until the next Extend. They count at once.
  char* Extend(size_t bytes) {
    if (end_ + bytes > capacity_) Grow(bytes);
    char* const at = data_.get() + end_;
    end_ += bytes;
    return at;
  }
  void Append(std::string_view bytes) {
    char* to = Extend(bytes.size());
    // In pieces for which glibc does not use REP MOVSB (storage/copy_bytes.h says why).
    while (!bytes.empty()) {
      const size_t piece = std::min(bytes.size(), kPieceBytes);
      std::memcpy(to, bytes.data(), piece);
      to += piece;
      bytes.remove_prefix(piece);
    }
  }

  std::string_view unsent() const { return {data_.get() + begin_, end_ - begin_}; }
  size_t size() const { return end_ - begin_; }
  bool empty() const { return end_ == begin_; }

  // A place to come back to: what was written after Mark is taken back by Rewind, unless it was
  // sent in between.
  size_t Mark() const { return size(); }
  void Rewind(size_t mark) {
    end_ = begin_ + mark;
    Shrink();
  }
  // What was written behind a mark.
  std::string_view From(size_t mark) const { return unsent().substr(mark); }
  char* At(size_t mark) { return data_.get() + begin_ + mark; }

  void MarkSent(size_t bytes) {
    begin_ += bytes;
    if (begin_ == end_) begin_ = end_ = 0;
    Shrink();
  }

  // REQUIRES: empty().
  void Release() {
    data_.reset();
    capacity_ = 0;
  }
  size_t capacity() const { return capacity_; }

 private:
  static constexpr size_t kPieceBytes = 1024;
  static constexpr size_t kFirstBytes = 4096;
  static constexpr size_t kLargeBytes = size_t{512} << 10;

  // What waits long is not to hold what was sent or taken back.
  void Shrink() {
    if (capacity_ > kLargeBytes && size() < capacity_ / 4) Move(2 * size());
  }

  void Grow(size_t bytes) {
    const size_t used = size();
    if (begin_ >= bytes && begin_ >= used) {
      std::memcpy(data_.get(), data_.get() + begin_, used);
      begin_ = 0;
      end_ = used;
    } else {
      Move(std::max(2 * capacity_, used + bytes));
    }
  }

  void Move(size_t capacity) {
    const size_t used = size();
    capacity_ = std::max(capacity, kFirstBytes);
    std::unique_ptr<char[]> data(new char[capacity_]);
    if (used > 0) std::memcpy(data.get(), data_.get() + begin_, used);
    data_ = std::move(data);
    begin_ = 0;
    end_ = used;
  }

  std::unique_ptr<char[]> data_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace larder

#endif  // LARDER_PROTO_HTTP2_OUTPUT_BUFFER_H_
