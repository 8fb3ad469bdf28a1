#include "storage/batch_reader.h"

#include <cstring>

#include "storage/record_batch.h"

namespace larder::storage {
namespace {

void AppendNumber(std::string& to, uint64_t number) {
  to.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

bool IsBegun(const ScanPosition& copied, uint32_t slot) {
  return slot < copied.slot || (slot == copied.slot && copied.hash > 0);
}

}  // namespace

LogReader::Result ReadBatch(LogReader& reader, const BatchOptions& options, std::string* batch) {
  batch->clear();
  batch->reserve(options.bytes_max);
  batch->push_back(RecordBatch::kFormat);
  batch->append(7, '\0');
  AppendNumber(*batch, reader.position());
  AppendNumber(*batch, 0);  // where it ends
  uint64_t gap = 0;
  const auto close_gap = [&] {
    if (gap == 0) return;
    AppendNumber(*batch, 0);
    AppendNumber(*batch, gap);
    gap = 0;
  };
  const auto take = [&](const LogReader::Record& record) {
    if (!IsBegun(options.copied, record.record.slot())) {
      gap += record.next - record.sequence;
      return;
    }
    close_gap();
    const size_t at = batch->size();
    batch->resize(at + record.record.size());
    record.record.CopyTo(batch->data() + at);
  };
  const auto result = reader.Read(options.bytes_max, take, options.until);
  close_gap();
  const uint64_t to = reader.position();
  std::memcpy(batch->data() + 16, &to, sizeof(to));
  if (result != LogReader::Result::kRead) batch->clear();
  return result;
}

}  // namespace larder::storage
