#ifndef LARDER_CLUSTER_WIRE_PAYLOAD_INFLATER_H_
#define LARDER_CLUSTER_WIRE_PAYLOAD_INFLATER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct ZSTD_DCtx_s;

namespace larder::cluster {

// Inflates what PayloadCompressor has made, and trusts none of it. Not thread-safe.
class PayloadInflater {
 public:
  PayloadInflater();
  ~PayloadInflater();
  PayloadInflater(const PayloadInflater&) = delete;
  PayloadInflater& operator=(const PayloadInflater&) = delete;

  // INVALID_ARGUMENT: `claimed` is above `bytes_max`, which is known before anything is inflated;
  // `compressed` is not one whole zstd frame of `claimed` bytes.
  absl::StatusOr<std::string> Inflate(std::string_view compressed, uint64_t claimed,
                                      size_t bytes_max);

 private:
  struct FreeContext {
    void operator()(ZSTD_DCtx_s* context) const;
  };

  std::unique_ptr<ZSTD_DCtx_s, FreeContext> context_;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_WIRE_PAYLOAD_INFLATER_H_
