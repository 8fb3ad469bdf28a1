#ifndef LARDER_TESTS_STORAGE_KEYSPACE_COPIER_H_
#define LARDER_TESTS_STORAGE_KEYSPACE_COPIER_H_

#include <functional>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "storage/batch_reader.h"
#include "storage/copy_chunk.h"
#include "storage/keyspace.h"
#include "storage/record_batch.h"

namespace larder::storage {

// Copies a keyspace to another one as a replica does: chunks and log in one stream, which may be
// cut after any message. Both outlive it.
class KeyspaceCopier {
 public:
  // `from`: the log of the source is complete from there on.
  KeyspaceCopier(const Keyspace* source, MutationLog* log, uint64_t from, Keyspace* target)
      : source_(*source),
        reader_(LogReader::Create(log, from, LogReader::Pace::kHoldsWriters).value()),
        target_(*target),
        position_(from) {}

  // The target has it all up to `from`.
  void Follow() { copied_ = {kSlots, 0}; }
  bool has_copied_all() const { return copied_.at_end(); }
  uint64_t position() const { return position_; }
  ScanPosition copied() const { return copied_; }

  // One chunk of about so much, and before it the log up to there. Called `after_export` before
  // anything is sent. False: the stream is cut before the chunk arrives.
  bool CopyNext(const ExportOptions& options, TimePoint now,
                const std::function<void()>& after_export = {}, bool is_cut = false) {
    const ExportedPart part = source_.ExportChunk(copied_, options, &chunk_);
    if (after_export) after_export();
    ReadUntil(part.log_position, now);
    if (is_cut) return false;
    ApplyChunkAgain(now);
    copied_ = part.next;
    return true;
  }
  void ApplyChunkAgain(TimePoint now) {
    const auto chunk = CopyChunk::Parse(chunk_, UINT64_MAX);
    ASSERT_TRUE(chunk.ok()) << chunk.status();
    const absl::Status status = target_.ApplyChunk(*chunk, now);
    ASSERT_TRUE(status.ok()) << status;
  }

  // Follows the log as far as that.
  void ReadUntil(uint64_t until, TimePoint now, uint64_t bytes_max = 3000) {
    while (position_ < until) {
      std::string bytes;
      const BatchOptions options{.bytes_max = bytes_max, .until = until, .copied = copied_};
      // What is not whole yet will be.
      if (ReadBatch(*reader_, options, &bytes) == LogReader::Result::kNothingNew) continue;
      const auto batch = RecordBatch::Parse(bytes, UINT64_MAX);
      ASSERT_TRUE(batch.ok()) << batch.status();
      const absl::Status status = target_.ApplyBatch(*batch, now, &position_);
      ASSERT_TRUE(status.ok()) << status;
      ASSERT_EQ(position_, reader_->position());
    }
  }

 private:
  const Keyspace& source_;
  const std::unique_ptr<LogReader> reader_;
  Keyspace& target_;
  uint64_t position_;
  ScanPosition copied_;
  std::string chunk_;
};

}  // namespace larder::storage

#endif  // LARDER_TESTS_STORAGE_KEYSPACE_COPIER_H_
