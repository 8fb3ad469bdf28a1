#ifndef LARDER_TESTS_STORAGE_COLLIDING_KEYS_H_
#define LARDER_TESTS_STORAGE_COLLIDING_KEYS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace larder::storage {

// Makes keys whose XXH3 is the same in all 64 bits, for who knows its secret: a key of 32 bytes is
// hashed in two lanes, and the second is 0 whatever its last eight bytes are, if those before equal
// the secret's word. The first half is the same in all, and may hold a hash tag.
class CollidingKeys {
 public:
  static constexpr size_t kWordAt = 16;  // of the secret
  static constexpr size_t kFirstHalfBytes = 16;

  // REQUIRES: first_half has 16 bytes, `word` eight.
  CollidingKeys(std::string_view first_half, std::string_view word)
      : beginning_(std::string(first_half) + std::string(word)) {}

  // Those that collide for everybody, under the secret that XXH3 has if none is given.
  static CollidingKeys Public(std::string_view first_half) {
    return {first_half, {"\xde\xd4\x6d\xe9\x83\x90\x97\xdb", sizeof(uint64_t)}};
  }

  std::string operator[](uint64_t number) const {
    std::string key = beginning_ + std::string(sizeof(number), '\0');
    std::memcpy(key.data() + beginning_.size(), &number, sizeof(number));
    return key;
  }

 private:
  const std::string beginning_;
};

}  // namespace larder::storage

#endif  // LARDER_TESTS_STORAGE_COLLIDING_KEYS_H_
