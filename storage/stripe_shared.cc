#include "storage/stripe_shared.h"

#include "absl/strings/str_cat.h"

namespace larder::storage {

absl::Status StripeShared::CheckLease(uint64_t bytes) const {
  if (leases->load(std::memory_order_relaxed) >= leases_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("--max_leases=", leases_max, " leases are outstanding"));
  }
  if (lease_bytes->load(std::memory_order_relaxed) + bytes > lease_bytes_max()) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "outstanding leases use their share of --memory, ", lease_bytes_max(), " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace larder::storage
