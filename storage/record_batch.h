#ifndef LARDER_STORAGE_RECORD_BATCH_H_
#define LARDER_STORAGE_RECORD_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "storage/mutation.h"

namespace larder::storage {

// A run of a log on its way to another node, as that node reads it: which sequences, and the
// records there. Some may have been left out; each of the others stands at its own sequence, since
// what a record takes follows from its header. Borrows the bytes.
//
// As bytes, numbers little-endian: format 1, zeros 7, from 8, to 8; then, for each of the lines in
// between, records as they lie in the log but without padding, or (zeros 8, lines 8) for a gap.
class RecordBatch {
 public:
  static constexpr size_t kHeaderBytes = 24;
  static constexpr size_t kGapBytes = 16;
  static constexpr char kFormat = 1;

  struct Record {
    uint64_t sequence;
    uint64_t next;  // the sequence of the one behind it
    Mutation mutation;
  };

  // INVALID_ARGUMENT: it is no batch, cut off, or longer than `bytes_max`; says what is wrong
  // where.
  static absl::StatusOr<RecordBatch> Parse(std::string_view bytes, uint64_t bytes_max);

  // It holds what there is of [from, to).
  uint64_t from() const { return from_; }
  uint64_t to() const { return to_; }
  uint64_t records() const { return records_; }
  bool has_gaps() const { return has_gaps_; }
  uint64_t version_max() const { return version_max_; }

  // Calls visit(record) in order, until it returns false.
  void Visit(absl::FunctionRef<bool(const Record&)> visit) const;

 private:
  RecordBatch() = default;

  std::string_view items_;
  uint64_t from_ = 0;
  uint64_t to_ = 0;
  uint64_t records_ = 0;
  uint64_t version_max_ = 0;
  bool has_gaps_ = false;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_RECORD_BATCH_H_
