#include "client/measure/value_pattern.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "client/load/random.h"

namespace larder::load {
namespace {

Random PatternOf(std::string_view key, size_t bytes) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return Random(Mix(hash) ^ bytes);
}

}  // namespace

void FillPattern(std::string_view key, size_t bytes, std::string& value) {
  Random random = PatternOf(key, bytes);
  value.resize(bytes);
  for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
    const uint64_t word = random.Next();
    std::memcpy(value.data() + i, &word, std::min(sizeof(word), bytes - i));
  }
}

bool MatchesPattern(std::string_view key, std::string_view value) {
  Random random = PatternOf(key, value.size());
  for (size_t i = 0; i < value.size(); i += sizeof(uint64_t)) {
    const uint64_t word = random.Next();
    if (std::memcmp(value.data() + i, &word, std::min(sizeof(word), value.size() - i)) != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace larder::load
