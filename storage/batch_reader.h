#ifndef LARDER_STORAGE_BATCH_READER_H_
#define LARDER_STORAGE_BATCH_READER_H_

#include <cstdint>
#include <string>

#include "storage/log_reader.h"
#include "storage/operations.h"

namespace larder::storage {

struct BatchOptions {
  uint64_t bytes_max = uint64_t{1} << 20;  // of records; the first always fits
  uint64_t until = UINT64_MAX;             // the sequence of a record that is not read any more
  // A copy that has come so far: slots that it has not begun are left out, since it will have them
  // as they are then.
  ScanPosition copied = {kSlots, 0};
};

// Reads the records that come next into `batch`, as RecordBatch has them, in place of what is
// there. Anything but kRead leaves it empty.
LogReader::Result ReadBatch(LogReader& reader, const BatchOptions& options, std::string* batch);

}  // namespace larder::storage

#endif  // LARDER_STORAGE_BATCH_READER_H_
