#ifndef LARDER_STORAGE_COPY_CHUNK_H_
#define LARDER_STORAGE_COPY_CHUNK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "storage/mutation.h"
#include "storage/operations.h"

namespace larder::storage {

// A part of a copy on its way to another node, as that node reads it: all entries of [begin, end)
// in the order of slots and, inside one, of the source's hashes, which the reader need not know.
// Each slot is as it was at some time; what the log has done to it since `log_position` may already
// be in it, and comes again. Borrows the bytes.
//
// As bytes, numbers little-endian: format 1, zeros 7; slot 8 and hash 8 of begin, and of end;
// log position 8; how many entries 8; then those, each a kSet as it would lie in the log, without
// padding.
class CopyChunk {
 public:
  static constexpr size_t kHeaderBytes = 56;
  static constexpr char kFormat = 2;

  // INVALID_ARGUMENT: it is no chunk, cut off, or longer than `bytes_max`; says what is wrong
  // where.
  static absl::StatusOr<CopyChunk> Parse(std::string_view bytes, uint64_t bytes_max);
  // What stands before the entries. REQUIRES: the chunk ends in the slot where it begins, or later.
  static std::string Header(ScanPosition begin, ScanPosition end, uint64_t log_position,
                            uint64_t entries);

  ScanPosition begin() const { return begin_; }
  ScanPosition end() const { return end_; }
  uint64_t log_position() const { return log_position_; }
  uint64_t entries() const { return entries_; }
  uint64_t version_max() const { return version_max_; }

  // The slots of which it has the first entries, or would if there were some: what a reader has of
  // them goes. Of a slot where it only goes on the reader has what there was before it.
  uint32_t first_slot() const { return begin_.slot + (begin_.hash > 0 ? 1 : 0); }
  uint32_t end_slot() const { return end_.slot + (end_.hash > 0 ? 1 : 0); }

  // Calls visit(entry) in order, until it returns false.
  void Visit(absl::FunctionRef<bool(const Mutation&)> visit) const;

 private:
  CopyChunk() = default;

  std::string_view records_;
  ScanPosition begin_;
  ScanPosition end_;
  uint64_t log_position_ = 0;
  uint64_t entries_ = 0;
  uint64_t version_max_ = 0;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_COPY_CHUNK_H_
