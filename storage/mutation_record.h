#ifndef LARDER_STORAGE_MUTATION_RECORD_H_
#define LARDER_STORAGE_MUTATION_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/mutation.h"

namespace larder::storage {

// A mutation as bytes: how it lies in the log, and travels to other nodes. A header of a fixed
// size, so that what a record takes is known before it is written; then the key and the value.
// Numbers are little-endian. The first format; others will have other first bytes.
inline constexpr size_t kMutationHeaderBytes = 40;

constexpr uint64_t MutationRecordBytes(size_t key_bytes, size_t value_bytes) {
  return kMutationHeaderBytes + uint64_t{key_bytes} + value_bytes;
}

// A log, and the sequences in it, count in lines of this many bytes; a record fills whole ones. So
// what it takes follows from its key and value alone, and is the same in every copy of the log.
inline constexpr uint64_t kLogLineBytes = 64;
constexpr uint64_t LogLinesOf(uint64_t bytes) {
  return (bytes + kLogLineBytes - 1) / kLogLineBytes;
}

// No log is longer, so that a run of one has fewer lines than fit into it.
inline constexpr uint64_t kLogBytesMax = uint64_t{1} << 40;
inline constexpr uint64_t kLogLinesMax = kLogBytesMax / kLogLineBytes;
// No sequence is greater, so that nothing which is added to one overflows: a log that took 100 GB a
// second would come there in ninety years. Sequences of other nodes are checked where they come in.
inline constexpr uint64_t kLogSequenceMax = uint64_t{1} << 62;

// Writes all MutationRecordBytes of it. REQUIRES: the key has less than 64 KiB, the value 4 GiB.
void WriteMutationRecord(const Mutation& mutation, char* to);

// The header alone.
void WriteMutationRecordHeader(const Mutation& mutation, char* to);

// The length of the record that begins here, by what its header says. REQUIRES: WriteMutationRecord
// has written it.
uint64_t MutationRecordBytesAt(const char* record);
// Likewise its slot.
uint32_t MutationSlotAt(const char* record);
size_t MutationKeyBytesAt(const char* record);

// For a log only, never on the way to others: a mark in the header that the value does not stand
// behind it.
void MarkShared(char* record);
void UnmarkShared(char* record);
bool IsMarkedShared(const char* record);

// The length that the header of a record says, which may be anybody's. Absent: it is none, or of
// another format, or longer than a key and a value may make it.
std::optional<uint64_t> ReadMutationRecordBytes(std::string_view header);

// Reads a record that may be anybody's. Views are borrowed from it. Absent: it is none, of another
// format, or longer or shorter than it says.
std::optional<Mutation> ReadMutationRecord(std::string_view record);

}  // namespace larder::storage

#endif  // LARDER_STORAGE_MUTATION_RECORD_H_
