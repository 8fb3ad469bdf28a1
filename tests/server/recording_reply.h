#ifndef LARDER_TESTS_SERVER_RECORDING_REPLY_H_
#define LARDER_TESTS_SERVER_RECORDING_REPLY_H_

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/handlers/reply.h"

namespace larder::server {

// Replies that remember what a handler did to them. `completions` counts Complete and Fail.

template <typename Answer>
class RecordingReply final : public Reply<Answer> {
 public:
  void Complete(const Answer& given) override {
    ++completions;
    answer = given;
  }
  void Fail(const absl::Status& given) override {
    ++completions;
    status = given;
  }

  RecordingReply& Later() override {
    is_open = true;
    return *this;
  }

  bool is_open = false;  // then it may be completed on another thread
  int completions = 0;
  absl::Status status;
  Answer answer;
};

template <typename Answer>
class RecordingValueReply final : public ValueReply<Answer> {
 public:
  char* Reserve(const storage::EntryInfo& given, size_t value_bytes) override {
    info = given;
    value.emplace(value_bytes, '\0');
    return value->data();
  }
  void Complete(const Answer& given) override {
    ++completions;
    answer = given;
    if constexpr (requires { given.token; }) token = std::string(given.token);
  }
  void Fail(const absl::Status& given) override {
    ++completions;
    status = given;
  }

  RecordingValueReply& Later() override {
    is_open = true;
    return *this;
  }

  bool is_open = false;  // then it may be completed on another thread
  int completions = 0;
  absl::Status status;
  Answer answer;
  storage::EntryInfo info;
  std::optional<std::string> value;
  std::string token;  // of a LeaseAnswer, whose own is gone
};

class RecordingScanReply final : public ScanReply {
 public:
  char* Add(std::string_view key, const storage::EntryInfo&, size_t value_bytes) override {
    entries.emplace_back(key, std::string(value_bytes, '\0'));
    return entries.back().second.data();
  }
  void Complete(const ScanAnswer& answer) override {
    ++completions;
    next_cursor = std::string(answer.next_cursor);
  }
  void Fail(const absl::Status& given) override {
    ++completions;
    status = given;
  }

  RecordingScanReply& Later() override {
    is_open = true;
    return *this;
  }

  bool is_open = false;  // then it may be completed on another thread
  int completions = 0;
  absl::Status status;
  std::deque<std::pair<std::string, std::string>> entries;
  std::string next_cursor;
};

template <typename ItemReply, typename RecordingItem>
class RecordingMultiReply final : public MultiReply<ItemReply> {
 public:
  ItemReply& Item(size_t index) override {
    while (items.size() <= index) items.emplace_back();
    return items[index];
  }
  void Complete() override { ++completions; }
  void Fail(const absl::Status& given) override {
    ++completions;
    status = given;
  }

  int completions = 0;
  absl::Status status;
  std::deque<RecordingItem> items;
};

using RecordingGet = RecordingValueReply<GetAnswer>;
using RecordingSet = RecordingValueReply<SetAnswer>;
using RecordingLease = RecordingValueReply<LeaseAnswer>;
using RecordingDelete = RecordingReply<DeleteAnswer>;
using RecordingMultiGet = RecordingMultiReply<GetReply, RecordingGet>;
using RecordingMultiSet = RecordingMultiReply<SetReply, RecordingSet>;
using RecordingMultiDelete = RecordingMultiReply<DeleteReply, RecordingDelete>;

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_RECORDING_REPLY_H_
