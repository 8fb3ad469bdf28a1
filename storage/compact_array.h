#ifndef LARDER_STORAGE_COMPACT_ARRAY_H_
#define LARDER_STORAGE_COMPACT_ARRAY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace larder::storage {

// A vector of trivial values that wastes at most about a third: it grows by a quarter and shrinks.
// Says beforehand how much memory the next push will take, for a budget.
template <typename T>
class CompactArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t index) { return values_[index]; }
  const T& operator[](size_t index) const { return values_[index]; }
  T& back() { return values_[size_ - 1]; }

  void push_back(const T& value) {
    if (size_ == capacity_) Resize(GrownCapacity());
    values_[size_++] = value;
  }

  void pop_back() {
    --size_;
    if (capacity_ > kCapacityMin && size_ < capacity_ / 2) Resize(size_ + size_ / 4);
  }

  uint64_t memory_bytes() const { return capacity_ * sizeof(T); }
  uint64_t growth_bytes() const {
    return size_ < capacity_ ? 0 : (GrownCapacity() - capacity_) * sizeof(T);
  }

 private:
  static constexpr size_t kCapacityMin = 8;

  size_t GrownCapacity() const { return std::max(kCapacityMin, capacity_ + capacity_ / 4); }

  void Resize(size_t capacity) {
    capacity = std::max(capacity, kCapacityMin);
    auto values = std::make_unique_for_overwrite<T[]>(capacity);
    std::copy_n(values_.get(), size_, values.get());
    values_ = std::move(values);
    capacity_ = capacity;
  }

  std::unique_ptr<T[]> values_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_COMPACT_ARRAY_H_
