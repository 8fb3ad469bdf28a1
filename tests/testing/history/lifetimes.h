#ifndef LARDER_TESTS_TESTING_HISTORY_LIFETIMES_H_
#define LARDER_TESTS_TESTING_HISTORY_LIFETIMES_H_

#include <cstdint>
#include <vector>

#include "tests/testing/history/key_view.h"

namespace larder::history {

// When the blocks of a key may expire, and must have. Immutable.
class Lifetimes {
 public:
  Lifetimes(const CheckContext& context, const KeyView& view);

  // From then on the block may be missing. kNever: it does not expire.
  int64_t EarliestExpiry(uint32_t block) const { return earliest_[block]; }
  // From then on what a write may have made that nobody saw may have expired, and left nothing.
  const std::vector<int64_t>& unseen_expiries() const { return unseen_expiries_; }
  // What a sighting saw must have expired before it began.
  bool MustHaveExpired(const KeyView::Sighting& sighting) const;

 private:
  using Lifetime = KeyView::Lifetime;

  int64_t EarliestOf(const std::vector<Lifetime>& lifetimes, size_t index) const;

  const CheckContext& context_;
  const KeyView& view_;
  std::vector<std::vector<Lifetime>> lifetimes_;   // of each block, by end
  std::vector<std::vector<int64_t>> last_begins_;  // of them, up to each
  std::vector<int64_t> earliest_;
  std::vector<int64_t> unseen_expiries_;
};

// Nothing is seen that must have expired. Adds what it finds to the context.
void CheckExpiry(CheckContext& context, const KeyView& view, const Lifetimes& lifetimes);

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_LIFETIMES_H_
