#ifndef LARDER_SERVER_FORWARDING_HELD_BYTES_H_
#define LARDER_SERVER_FORWARDING_HELD_BYTES_H_

#include <cstddef>
#include <utility>

#include "server/forwarding/forwarded_bytes.h"

namespace larder::server {

// A part of the node's ForwardedBytes, which goes with what it is counted for and is given back
// with it. Default: none. Not thread-safe, but may be moved to another thread.
class HeldBytes {
 public:
  HeldBytes() = default;
  // Nothing yet; `of` outlives it.
  explicit HeldBytes(ForwardedBytes* of) : of_(of) {}
  HeldBytes(HeldBytes&& other) noexcept
      : of_(std::exchange(other.of_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  HeldBytes& operator=(HeldBytes&& other) noexcept {
    std::swap(of_, other.of_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~HeldBytes() { Shrink(0); }

  // Whether it is part of any.
  bool is_set() const { return of_ != nullptr; }
  size_t bytes() const { return bytes_; }

  // False: there would be more than the bound, and nothing was added. REQUIRES: is_set().
  bool Add(size_t bytes) {
    if (!of_->Take(bytes)) return false;
    bytes_ += bytes;
    return true;
  }
  // Counts what is there already, beyond the bound if need be. REQUIRES: is_set().
  void AddAnyway(size_t bytes) {
    of_->TakeAnyway(bytes);
    bytes_ += bytes;
  }
  // Takes what another part has. REQUIRES: both are set, and of the same.
  void Merge(HeldBytes other) { bytes_ += std::exchange(other.bytes_, 0); }
  // Gives back what is more than this.
  void Shrink(size_t bytes) {
    if (bytes >= bytes_) return;
    of_->Return(bytes_ - bytes);
    bytes_ = bytes;
  }

 private:
  ForwardedBytes* of_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_FORWARDING_HELD_BYTES_H_
