#include "storage/log_record.h"

#include <cstring>

#include "storage/copy_bytes.h"
#include "storage/entry.h"
#include "storage/mutation_record.h"

namespace larder::storage {

uint64_t LogRecord::WriteShared(const Mutation& mutation, char* place) {
  const Entry& entry = *mutation.value.entry();
  WriteMutationRecordHeader(mutation, place);
  MarkShared(place);
  char* to = place + kMutationHeaderBytes;
  std::memcpy(to, mutation.key.data(), mutation.key.size());
  to += mutation.key.size();
  const std::string_view kept = entry.kept_value();
  std::memcpy(to, kept.data(), kept.size());
  return static_cast<uint64_t>(to - place) + kept.size();
}

uint64_t LogRecord::size() const { return MutationRecordBytesAt(place_); }

uint32_t LogRecord::slot() const { return MutationSlotAt(place_); }

void LogRecord::CopyTo(char* to) const {
  const uint64_t bytes = size();
  if (!IsMarkedShared(place_)) {
    CopyBytes(to, place_, bytes);
    return;
  }
  const size_t head_bytes = kMutationHeaderBytes + MutationKeyBytesAt(place_);
  std::memcpy(to, place_, head_bytes);
  UnmarkShared(to);
  to += head_bytes;
  const ValueParts parts = ValueParts::Of(bytes - head_bytes);
  const char* kept = place_ + head_bytes;
  for (size_t i = 0; i < parts.count(); ++i) {
    const char* part;
    std::memcpy(&part, kept, sizeof(part));
    kept += sizeof(part);
    const size_t part_bytes = i < parts.blocks ? EntryPools::kBlockBytes : EntryPools::kPageBytes;
    CopyBytes(to, part, part_bytes);
    to += part_bytes;
  }
  std::memcpy(to, kept, parts.tail_bytes);
}

}  // namespace larder::storage
