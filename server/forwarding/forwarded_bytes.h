#ifndef LARDER_SERVER_FORWARDING_FORWARDED_BYTES_H_
#define LARDER_SERVER_FORWARDING_FORWARDED_BYTES_H_

#include <atomic>
#include <cstddef>

namespace larder::server {

// Bytes of forwarded calls, of all I/O threads. Thread-safe.
class ForwardedBytes {
 public:
  explicit ForwardedBytes(size_t bytes_max) : bytes_max_(bytes_max) {}

  // False: there would be more than the bound. True: the caller owes a Return.
  bool Take(size_t bytes) {
    if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= bytes_max_) return true;
    Return(bytes);
    return false;
  }
  // Of what is there already.
  void TakeAnyway(size_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void Return(size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  size_t bytes_max() const { return bytes_max_; }
  size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const size_t bytes_max_;
  std::atomic<size_t> used_{0};
};

}  // namespace larder::server

#endif  // LARDER_SERVER_FORWARDING_FORWARDED_BYTES_H_
