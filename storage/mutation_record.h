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

// Writes all MutationRecordBytes of it. REQUIRES: the key has less than 64 KiB, the value 4 GiB.
void WriteMutationRecord(const Mutation& mutation, char* to);

// The length of the record that begins here, by what its header says. REQUIRES: WriteMutationRecord
// has written it.
uint64_t MutationRecordBytesAt(const char* record);

// Reads a record that may be anybody's. Views are borrowed from it. Absent: it is none, of another
// format, or longer or shorter than it says.
std::optional<Mutation> ReadMutationRecord(std::string_view record);

}  // namespace larder::storage

#endif  // LARDER_STORAGE_MUTATION_RECORD_H_
