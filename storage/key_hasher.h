#ifndef LARDER_STORAGE_KEY_HASHER_H_
#define LARDER_STORAGE_KEY_HASHER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace larder::storage {

// 256 random bits from which a KeyHasher follows. Nodes that are to agree on the order of keys need
// the same.
struct HashSecret {
  std::array<uint64_t, 4> words{};
};

// Hashes keys so that who does not know the secret cannot make keys that collide. The same secret
// gives the same hashes in every process and release: the order of Scan, and later that on disk, is
// by them. Thread-safe: immutable. XXH3, 64 bits, over a secret of its own in place of the one that
// everybody knows; no protection against who sees many whole hashes, so nothing may show them.
class KeyHasher {
 public:
  static constexpr size_t kSecretBytes = 192;  // XXH3 asks for 136 and uses no more of a short key
  using Secret = std::array<char, kSecretBytes>;

  explicit KeyHasher(const HashSecret& secret);

  uint64_t Hash(std::string_view key) const;

  // Numbers that follow from the secret and tell neither it nor each other.
  uint64_t Derive(uint32_t number) const;

  // What XXH3 takes for its secret.
  static Secret Expand(const HashSecret& secret);

 private:
  alignas(64) const Secret expanded_;
  const HashSecret secret_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_KEY_HASHER_H_
