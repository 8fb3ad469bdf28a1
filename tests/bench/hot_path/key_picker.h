#ifndef LARDER_TESTS_BENCH_HOT_PATH_KEY_PICKER_H_
#define LARDER_TESTS_BENCH_HOT_PATH_KEY_PICKER_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "client/load/random.h"
#include "tests/bench/bench_keys.h"

namespace larder::bench {

// Chooses keys of a table that outlives it: at random, or one after the other.
class KeyPicker {
 public:
  static KeyPicker InTurn(const KeySequence& keys) { return KeyPicker(keys, std::nullopt); }
  static KeyPicker AtRandom(const KeySequence& keys, uint64_t seed) {
    return KeyPicker(keys, load::Random(seed));
  }

  std::string_view Next() {
    if (random_.has_value()) return (*keys_)[random_->Below(keys_->size())].key;
    return (*keys_)[next_++ % keys_->size()].key;
  }

 private:
  KeyPicker(const KeySequence& keys, std::optional<load::Random> random)
      : keys_(&keys), random_(random) {}

  const KeySequence* keys_;
  std::optional<load::Random> random_;
  uint64_t next_ = 0;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_KEY_PICKER_H_
