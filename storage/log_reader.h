#ifndef LARDER_STORAGE_LOG_READER_H_
#define LARDER_STORAGE_LOG_READER_H_

#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "storage/log_record.h"
#include "storage/mutation_log.h"

namespace larder::storage {

// One that reads a log, in order and without a hole. Not thread-safe; the log outlives it.
class LogReader {
 public:
  enum class Pace : uint8_t {
    kMayFallBehind,  // what is too old is written over
    kHoldsWriters,   // what it has not read is kept, and there is no room until it has read
  };
  enum class [[nodiscard]] Result : uint8_t {
    kRead,        // one record at least
    kNothingNew,  // it has read all
    kFellBehind,  // what comes next was written over
  };
  struct Record {
    uint64_t sequence;
    uint64_t next;     // the sequence of the one behind it
    LogRecord record;  // borrowed for the call
  };

  // `from`: where a record begins, or the log's position. OUT_OF_RANGE: the log does not reach so
  // far back, or ends before. RESOURCE_EXHAUSTED: it has as many readers as may be.
  static absl::StatusOr<std::unique_ptr<LogReader>> Create(MutationLog* log, uint64_t from,
                                                           Pace pace);
  ~LogReader();
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  // Gives records to `take` until some `bytes_max` were given, or the sequence `until` is reached.
  // Meanwhile they are not written over, so that `take` should not be long about it.
  Result Read(uint64_t bytes_max, absl::FunctionRef<void(const Record&)> take,
              uint64_t until = UINT64_MAX);
  // Holds writers from now on, and lets them be ahead by no more than this and what one of them
  // writes; what they have been given already comes on top. At most the length of the log, which is
  // what kHoldsWriters begins with. False: it has fallen behind, and holds nobody; never of one
  // that holds them already.
  bool HoldWriters(uint64_t bytes_ahead_max);
  // Goes on as one that may fall behind.
  void LetWritersGo();
  // The sequence that it reads next.
  uint64_t position() const { return position_; }
  // False: there is more to read. Else the log's `wake` is called once there is.
  bool Sleep();

 private:
  LogReader(MutationLog* log, MutationLog::Pin* pin, uint64_t from)
      : log_(log), pin_(pin), position_(from) {}
  // Keeps what comes next from being written over. False: it was.
  bool Pin();

  MutationLog* const log_;
  MutationLog::Pin* const pin_;
  Pace pace_ = Pace::kMayFallBehind;
  uint64_t position_;
};

}  // namespace larder::storage

#endif  // LARDER_STORAGE_LOG_READER_H_
