#ifndef LARDER_TESTS_STORAGE_LOG_RECORDS_H_
#define LARDER_TESTS_STORAGE_LOG_RECORDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "storage/log_reader.h"
#include "storage/mutation_record.h"
#include "tests/storage/vector_log.h"

namespace larder::storage {

struct SequencedMutation {
  uint64_t sequence;
  LoggedMutation logged;
};

inline std::string BytesOf(const LogReader::Record& record) {
  std::string bytes(record.record.size(), '\0');
  record.record.CopyTo(bytes.data());
  return bytes;
}

// Reads what there is, and adds it. True: there was something.
inline bool ReadInto(LogReader& reader, std::vector<SequencedMutation>& records) {
  const auto result = reader.Read(1 << 20, [&](const LogReader::Record& record) {
    const std::string bytes = BytesOf(record);
    const auto mutation = ReadMutationRecord(bytes);
    ASSERT_TRUE(mutation.has_value());
    records.push_back({record.sequence, LoggedMutation(*mutation)});
  });
  EXPECT_NE(result, LogReader::Result::kFellBehind);
  return result == LogReader::Result::kRead;
}

}  // namespace larder::storage

#endif  // LARDER_TESTS_STORAGE_LOG_RECORDS_H_
