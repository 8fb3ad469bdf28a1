#ifndef LARDER_TESTS_BENCH_BUFFER_SINK_H_
#define LARDER_TESTS_BENCH_BUFFER_SINK_H_

#include <cstddef>
#include <vector>

#include "storage/operations.h"

namespace larder::bench {

// Takes values of any size into one buffer, which is overwritten each time.
class BufferSink final : public storage::ValueSink {
 public:
  explicit BufferSink(size_t value_bytes_expected) : buffer_(value_bytes_expected + 1) {}

  char* Reserve(const storage::EntryInfo& /*info*/, size_t value_bytes) override {
    if (value_bytes > buffer_.size()) buffer_.resize(value_bytes);
    return buffer_.data();
  }

 private:
  std::vector<char> buffer_;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_BUFFER_SINK_H_
