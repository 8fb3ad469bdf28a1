#ifndef LARDER_TESTS_BENCH_HOT_PATH_MESSAGE_TEMPLATE_H_
#define LARDER_TESTS_BENCH_HOT_PATH_MESSAGE_TEMPLATE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "tests/bench/hot_path/key_picker.h"

namespace larder::bench {

// An encoded message in which only the keys change.
struct MessageTemplate {
  std::string bytes;
  std::vector<size_t> key_offsets;

  void AppendTo(std::string& output, KeyPicker& keys) const {
    const size_t begin = output.size();
    output.append(bytes);
    for (const size_t offset : key_offsets) {
      const std::string_view key = keys.Next();
      output.replace(begin + offset, key.size(), key);
    }
  }
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_MESSAGE_TEMPLATE_H_
