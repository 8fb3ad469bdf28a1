#ifndef LARDER_SERVER_RPC_PARKED_ANSWERS_H_
#define LARDER_SERVER_RPC_PARKED_ANSWERS_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/rpc/call_mailbox.h"

namespace larder::server {

// What goes on with calls of one connection once their clients read what was sent before, in order,
// by their streams; and whether it is time to look again. Not thread-safe.
class ParkedAnswers {
 public:
  bool is_empty() const { return by_stream_.empty(); }
  void Add(uint32_t stream, std::unique_ptr<CallCompletion> answer) {
    by_stream_[stream].push_back(std::move(answer));
  }
  // The call is over.
  void Remove(uint32_t stream) {
    if (!by_stream_.empty()) [[unlikely]]
      by_stream_.erase(stream);
  }
  bool Has(uint32_t stream) const { return !by_stream_.empty() && by_stream_.contains(stream); }
  // Nullptr: there are no more.
  std::unique_ptr<CallCompletion> TakeFirst(uint32_t stream) {
    const auto found = by_stream_.find(stream);
    if (found == by_stream_.end()) return nullptr;
    std::unique_ptr<CallCompletion> first = std::move(found->second.front());
    found->second.pop_front();
    if (found->second.empty()) by_stream_.erase(found);
    return first;
  }

  // Something has changed that one of them may have waited for.
  void OnChange() { has_changed_ = true; }
  // Whether they are to be looked at now: then they wait for a change from here on.
  bool BeginLook() { return !by_stream_.empty() && std::exchange(has_changed_, false); }
  std::vector<uint32_t> streams() const {
    std::vector<uint32_t> streams;
    for (const auto& [stream, answers] : by_stream_) streams.push_back(stream);
    return streams;
  }

 private:
  absl::flat_hash_map<uint32_t, std::deque<std::unique_ptr<CallCompletion>>> by_stream_;
  bool has_changed_ = false;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_PARKED_ANSWERS_H_
