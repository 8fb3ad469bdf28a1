#include "tests/bench/bench_keys.h"

#include "absl/strings/str_cat.h"
#include "cluster/hash_slot.h"

namespace larder::bench {

absl::Status CheckKeyBytes(size_t key_bytes, uint64_t numbers) {
  size_t digits = 1;
  for (uint64_t largest = numbers > 0 ? numbers - 1 : 0; largest >= 10; largest /= 10) ++digits;
  if (key_bytes >= digits && key_bytes <= storage::kKeyBytesMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--key_bytes=", key_bytes, ": keys with ", numbers,
                                                 " numbers have from ", digits, " to ",
                                                 storage::kKeyBytesMax, " bytes"));
}

void WriteKey(uint64_t number, size_t key_bytes, char* target) {
  for (size_t i = key_bytes; i-- > 0; number /= 10) {
    target[i] = static_cast<char>('0' + number % 10);
  }
}

storage::KeyRef ScratchKey::operator()(uint64_t number) {
  WriteKey(number, text_.size(), text_.data());
  return {cluster::HashSlot(text_), text_};
}

KeySequence::KeySequence(size_t key_bytes, size_t capacity) : key_bytes_(key_bytes) {
  bytes_.reserve(key_bytes * capacity);
  slots_.reserve(capacity);
}

void KeySequence::Add(uint64_t number) {
  const size_t begin = bytes_.size();
  bytes_.resize(begin + key_bytes_);
  WriteKey(number, key_bytes_, bytes_.data() + begin);
  slots_.push_back(static_cast<uint16_t>(cluster::HashSlot({bytes_.data() + begin, key_bytes_})));
}

void KeySequence::Clear() {
  bytes_.clear();
  slots_.clear();
}

}  // namespace larder::bench
