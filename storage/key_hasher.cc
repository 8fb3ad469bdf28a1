#include "storage/key_hasher.h"

#include <cstring>

#include "storage/random.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace larder::storage {
namespace {

static_assert(KeyHasher::kSecretBytes >= XXH3_SECRET_SIZE_MIN);

// The place of what is derived, behind that of the secret's words.
constexpr uint64_t kDerivedPlace = uint64_t{1} << 32;

// A keyed function of the place: the words come in between bijections that mix well, so that each
// bit of the secret changes each bit of every number.
uint64_t NumberAt(const HashSecret& secret, uint64_t place) {
  uint64_t number = Random::Mix(place + 1);
  for (const uint64_t word : secret.words) number = Random::Mix(number ^ word);
  return number ^ secret.words[0];
}

uint64_t Xxh3(std::string_view key, const KeyHasher::Secret& secret) {
  return XXH3_64bits_withSecret(key.data(), key.size(), secret.data(), secret.size());
}

// Apart, so that short keys need not save the registers that this takes.
[[gnu::noinline]] uint64_t HashLonger(std::string_view key, const KeyHasher::Secret& secret) {
  return Xxh3(key, secret);
}

}  // namespace

KeyHasher::KeyHasher(const HashSecret& secret) : expanded_(Expand(secret)), secret_(secret) {}

// Flattened, since else both lengths would share one body.
[[gnu::flatten]] uint64_t KeyHasher::Hash(std::string_view key) const {
  constexpr size_t kShortBytes = 16;
  return key.size() > kShortBytes ? HashLonger(key, expanded_) : Xxh3(key, expanded_);
}

uint64_t KeyHasher::Derive(uint32_t number) const {
  return NumberAt(secret_, kDerivedPlace + number);
}

KeyHasher::Secret KeyHasher::Expand(const HashSecret& secret) {
  Secret expanded;
  for (size_t at = 0; at < kSecretBytes; at += sizeof(uint64_t)) {
    const uint64_t word = NumberAt(secret, at);
    std::memcpy(expanded.data() + at, &word, sizeof(word));
  }
  return expanded;
}

}  // namespace larder::storage
