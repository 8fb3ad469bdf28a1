#ifndef LARDER_STORAGE_CONTENT_DIGEST_H_
#define LARDER_STORAGE_CONTENT_DIGEST_H_

#include <cstdint>
#include <string>

#include "storage/mutation.h"

namespace larder::storage {

// What tells whether two sets of entries are the same, whatever their order, hash secret and
// layout: the sum of a hash of each, over key, value, version, expiry, flags and stale. 128 bits of
// XXH3, against accidents and not against who wants two sets to look alike.
class ContentDigest {
 public:
  // `entry` is a kSet whose value is as a whole.
  void Add(const Mutation& entry);
  void Add(const ContentDigest& other);

  uint64_t entries() const { return entries_; }
  // 32 hexadecimal digits.
  std::string ToString() const;
  friend bool operator==(const ContentDigest&, const ContentDigest&) = default;

 private:
  void AddSum(uint64_t low, uint64_t high);

  uint64_t low_ = 0;
  uint64_t high_ = 0;
  uint64_t entries_ = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_CONTENT_DIGEST_H_
