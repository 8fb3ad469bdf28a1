#ifndef LARDER_STORAGE_CHUNKED_ARRAY_H_
#define LARDER_STORAGE_CHUNKED_ARRAY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

namespace larder::storage {

// A vector of trivial values in chunks, so that growing it never copies them. Shrinks as it
// empties.
template <typename T, size_t kChunkSize = 64>
class ChunkedArray {
  static_assert(std::is_trivially_copyable_v<T> && (kChunkSize & (kChunkSize - 1)) == 0);

 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t index) { return chunks_[index / kChunkSize][index % kChunkSize]; }
  const T& operator[](size_t index) const {
    return chunks_[index / kChunkSize][index % kChunkSize];
  }
  T& back() { return (*this)[size_ - 1]; }

  void push_back(const T& value) {
    if (size_ == chunks_.size() * kChunkSize) {
      chunks_.push_back(std::make_unique_for_overwrite<T[]>(kChunkSize));
    }
    (*this)[size_++] = value;
  }

  void pop_back() {
    --size_;
    // One empty chunk stays, so that a change to and fro costs nothing.
    if (size_ + 2 * kChunkSize <= chunks_.size() * kChunkSize) chunks_.pop_back();
    if (size_ == 0) chunks_.clear();
  }

  uint64_t memory_bytes() const {
    return chunks_.size() * (kChunkSize * sizeof(T) + sizeof(chunks_[0]));
  }
  // By how much the next push_back grows it.
  uint64_t growth_bytes() const {
    return size_ < chunks_.size() * kChunkSize ? 0 : kChunkSize * sizeof(T) + sizeof(chunks_[0]);
  }

 private:
  std::vector<std::unique_ptr<T[]>> chunks_;
  size_t size_ = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_CHUNKED_ARRAY_H_
