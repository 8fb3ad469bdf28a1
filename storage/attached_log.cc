#include "storage/attached_log.h"

namespace larder::storage {

MutationSink* AttachedLog::BeginUseOfLog() {
  // Whoever detaches stores first and counts then; this counts first and looks then.
  users_[PlaceOfThisThread()].count.fetch_add(1, std::memory_order_seq_cst);
  MutationSink* const log = log_.load(std::memory_order_seq_cst);
  if (log == nullptr) EndUse();
  return log;
}

void AttachedLog::EndUse() {
  std::atomic<uint32_t>& count = users_[PlaceOfThisThread()].count;
  const bool is_last = count.fetch_sub(1, std::memory_order_seq_cst) == 1;
  if (is_last && log_.load(std::memory_order_seq_cst) == nullptr) [[unlikely]]
    count.notify_all();
}

void AttachedLog::Detach() {
  log_.store(nullptr, std::memory_order_seq_cst);
  for (Users& users : users_) {
    while (const uint32_t count = users.count.load(std::memory_order_seq_cst)) {
      users.count.wait(count, std::memory_order_seq_cst);
    }
  }
}

}  // namespace larder::storage
