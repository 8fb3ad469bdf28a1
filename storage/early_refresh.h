#ifndef LARDER_STORAGE_EARLY_REFRESH_H_
#define LARDER_STORAGE_EARLY_REFRESH_H_

#include <cmath>

#include "storage/entry.h"
#include "storage/random.h"
#include "storage/time.h"

namespace larder::storage {

// Decides whether a reader of a live entry is to recompute it ahead of its expiry; the chance rises
// as the expiry comes within the time of a recomputation. XFetch: Vattani, Chierichetti,
// Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015, figure 4.
inline bool RefreshesEarly(const Entry& live, double beta, TimePoint now, Random& random) {
  if (beta <= 0 || live.expires_at() == kNever || live.recompute_ms() == 0) return false;
  const double remaining_ms = static_cast<double>((live.expires_at() - now).count());
  return -std::log(random.Fraction()) * beta * live.recompute_ms() >= remaining_ms;
}

}  // namespace larder::storage

#endif  // LARDER_STORAGE_EARLY_REFRESH_H_
