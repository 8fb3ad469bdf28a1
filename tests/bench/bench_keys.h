#ifndef LARDER_TESTS_BENCH_BENCH_KEYS_H_
#define LARDER_TESTS_BENCH_BENCH_KEYS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "storage/operations.h"

namespace larder::bench {

// Key number n is n in decimal digits, with leading zeros to the size of all keys.

// INVALID_ARGUMENT: keys of this size cannot tell `numbers` keys apart, or are too long.
absl::Status CheckKeyBytes(size_t key_bytes, uint64_t numbers);

// REQUIRES: CheckKeyBytes. `target` has room for key_bytes.
void WriteKey(uint64_t number, size_t key_bytes, char* target);

// One key, made anew for each use.
class ScratchKey {
 public:
  explicit ScratchKey(size_t key_bytes) : text_(key_bytes, '0') {}
  // Valid until the next call.
  storage::KeyRef operator()(uint64_t number);

 private:
  std::string text_;
};

// Keys made before they are used, in one flat buffer in the order of their use, so that a timed
// loop neither makes keys nor jumps about in memory to find them.
class KeySequence {
 public:
  KeySequence(size_t key_bytes, size_t capacity);

  void Add(uint64_t number);
  void Clear();

  size_t size() const { return slots_.size(); }
  storage::KeyRef operator[](size_t i) const {
    return {slots_[i], std::string_view(bytes_.data() + i * key_bytes_, key_bytes_)};
  }

 private:
  const size_t key_bytes_;
  std::string bytes_;
  std::vector<uint16_t> slots_;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_BENCH_KEYS_H_
