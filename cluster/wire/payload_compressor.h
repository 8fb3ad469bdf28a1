#ifndef LARDER_CLUSTER_WIRE_PAYLOAD_COMPRESSOR_H_
#define LARDER_CLUSTER_WIRE_PAYLOAD_COMPRESSOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct ZSTD_CCtx_s;

namespace larder::cluster {

struct CompressionOptions {
  bool is_on = true;
  int level = 1;                // zstd's
  size_t bytes_min = 513;       // what is shorter goes as it is
  uint32_t failures_max = 2;    // that did not pay in a row; then payloads are passed by
  uint32_t pass_by_first = 16;  // so many, and twice as many each time that it does not pay again
  uint32_t pass_by_max = 256;
};

// Compresses payloads with zstd where it pays: by half at least. Where it did not twice it passes
// by some payloads before it tries again. Not thread-safe: one for a stream, whose payloads are
// alike. Keeps zstd's working memory (about 0.5 MiB) from the first payload on.
class PayloadCompressor {
 public:
  explicit PayloadCompressor(CompressionOptions options);
  ~PayloadCompressor();
  PayloadCompressor(const PayloadCompressor&) = delete;
  PayloadCompressor& operator=(const PayloadCompressor&) = delete;

  // One zstd frame that says its size. Absent: the payload should go as it is.
  std::optional<std::string> Compress(std::string_view payload);

  uint64_t saved_bytes() const { return saved_bytes_; }
  uint64_t tries() const { return tries_; }

 private:
  struct FreeContext {
    void operator()(ZSTD_CCtx_s* context) const;
  };

  void NoteFailure();

  const CompressionOptions options_;
  std::unique_ptr<ZSTD_CCtx_s, FreeContext> context_;
  uint32_t failures_ = 0;
  uint32_t pass_by_ = 0;     // how many the next time
  uint32_t passing_by_ = 0;  // how many still
  uint64_t saved_bytes_ = 0;
  uint64_t tries_ = 0;
};

}  // namespace larder::cluster

#endif  // LARDER_CLUSTER_WIRE_PAYLOAD_COMPRESSOR_H_
