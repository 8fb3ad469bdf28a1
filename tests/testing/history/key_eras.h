#ifndef LARDER_TESTS_TESTING_HISTORY_KEY_ERAS_H_
#define LARDER_TESTS_TESTING_HISTORY_KEY_ERAS_H_

#include <cstdint>
#include <vector>

#include "tests/testing/history/key_view.h"
#include "tests/testing/history/zones.h"

namespace larder::history {

// The blocks of a key in each era. A write that may have been in several (it was under way when
// something was lost, or its outcome is unknown) counts in the first in which its state was seen.
// Reads that may have been in several say nothing of order. Immutable.
class KeyEras {
 public:
  // A block in one era.
  struct Stay {
    uint32_t era;
    uint32_t block;
    bool is_restored;                                 // it was there in an earlier era
    Zone zone;                                        // `what` is its index in stays()
    std::vector<const KeyView::Sighting*> sightings;  // by rank, what made a state first
  };

  // `view` must outlive it.
  KeyEras(const CheckContext& context, const KeyView& view);

  const std::vector<Stay>& stays() const { return stays_; }  // by era

 private:
  void Place(const CheckContext& context, const KeyView& view);
  void MakeZone(const CheckContext& context, const KeyView& view, Stay& stay);

  std::vector<Stay> stays_;
};

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_HISTORY_KEY_ERAS_H_
