#ifndef LARDER_SERVER_NODE_RANDOM_WORDS_H_
#define LARDER_SERVER_NODE_RANDOM_WORDS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace larder::server {

// Fills them with what the system has for secrets. UNAVAILABLE: it gives none. REQUIRES: 32 at
// most, so that they come at once or not at all.
absl::Status FillWithRandom(absl::Span<uint64_t> words);

template <size_t kCount>
absl::StatusOr<std::array<uint64_t, kCount>> RandomWords() {
  static_assert(kCount <= 32);
  std::array<uint64_t, kCount> words;
  if (const absl::Status status = FillWithRandom(absl::MakeSpan(words)); !status.ok()) {
    return status;
  }
  return words;
}

}  // namespace larder::server

#endif  // LARDER_SERVER_NODE_RANDOM_WORDS_H_
