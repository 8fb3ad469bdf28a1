#ifndef LARDER_TESTS_TESTING_OWN_TESTS_HISTORY_BUILDER_H_
#define LARDER_TESTS_TESTING_OWN_TESTS_HISTORY_BUILDER_H_

#include <string>
#include <utility>

#include "tests/testing/history/history.h"
#include "tests/testing/history/written_value.h"

namespace larder::history {

// Writes small histories of one key by hand. Times are milliseconds. Each function returns the
// operation, so that a test can say more of it; the reference is good until the next is added.
class HistoryBuilder {
 public:
  HistoryBuilder() {
    history_.keys = {"key"};
    history_.nodes = {"node"};
  }

  Operation& Set(int begin, int end) { return Write(OperationKind::kSet, begin, end); }
  Operation& Append(int begin, int end) { return Write(OperationKind::kAppend, begin, end); }
  Operation& Delete(int begin, int end, bool deleted = true) {
    Operation& operation = Add(OperationKind::kDelete, begin, end);
    operation.done = deleted;
    return operation;
  }
  Operation& Touch(int begin, int end, uint64_t version, int64_t ttl_ms) {
    Operation& operation = Add(OperationKind::kTouch, begin, end);
    operation.done = version != 0;
    operation.version = version;
    operation.ttl_ms = ttl_ms;
    return operation;
  }
  // Of a counter that another operation created, or this one.
  Operation& Increment(int begin, int end, const std::string& state, bool created = false) {
    Operation& operation = Write(OperationKind::kIncrement, begin, end);
    operation.delta = 1;
    operation.is_created = created;
    operation.state = created ? "#" + ToText(operation.id) + "+0" : state;
    return operation;
  }
  // `state` empty: nothing was found.
  Operation& Get(int begin, int end, const std::string& state) {
    Operation& operation = Add(OperationKind::kGet, begin, end);
    operation.done = !state.empty();
    operation.state = state;
    return operation;
  }
  Operation& Final(int begin, int end, const std::string& state) {
    Operation& operation = Get(begin, end, state);
    operation.is_final = true;
    return operation;
  }
  LossEvent& Event(int begin, int end, LossEvent::Loses loses) {
    LossEvent event;
    event.name = "event";
    event.begin = Milliseconds(begin);
    event.end = Milliseconds(end);
    event.loses = loses;
    history_.events.push_back(std::move(event));
    return history_.events.back();
  }

  static std::string IdOf(const Operation& operation) { return ToText(operation.id); }
  static int64_t Milliseconds(int64_t count) { return count * 1'000'000; }
  const History& history() const { return history_; }
  History& history() { return history_; }

 private:
  Operation& Add(OperationKind kind, int begin, int end) {
    Operation operation;
    operation.id = {1, static_cast<uint32_t>(history_.operations.size() + 1)};
    operation.kind = kind;
    operation.outcome = Outcome::kOk;
    operation.begin = Milliseconds(begin);
    operation.end = Milliseconds(end);
    history_.operations.push_back(operation);
    return history_.operations.back();
  }
  Operation& Write(OperationKind kind, int begin, int end) {
    Operation& operation = Add(kind, begin, end);
    operation.done = true;
    operation.version = 1000 + operation.id.number;
    return operation;
  }

  History history_;
};

// The write's outcome is not known.
inline void MakeUnknown(Operation& operation) {
  operation.outcome = Outcome::kUnknown;
  operation.end = kNever;
  operation.done = false;
  operation.state.clear();
  operation.version = 0;
  operation.is_created = false;
}

}  // namespace larder::history

#endif  // LARDER_TESTS_TESTING_OWN_TESTS_HISTORY_BUILDER_H_
