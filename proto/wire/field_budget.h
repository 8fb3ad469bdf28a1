#ifndef LARDER_PROTO_WIRE_FIELD_BUDGET_H_
#define LARDER_PROTO_WIRE_FIELD_BUDGET_H_

#include <cstddef>
#include <cstdint>

namespace larder {

// Counts the fields of one message, with those of the messages in it, against how many it may have.
// A few bytes that inflate to millions of fields then cost what the first of them do.
class FieldBudget {
 public:
  explicit FieldBudget(size_t fields_max) : left_(static_cast<int64_t>(fields_max)) {}

  // Counts a field. False: there are too many.
  [[nodiscard]] bool Take() { return --left_ >= 0; }
  // Allows more fields, for an item that the message may have.
  void Allow(size_t fields) { left_ += static_cast<int64_t>(fields); }
  // There were too many.
  bool is_overdrawn() const { return left_ < 0; }

 private:
  int64_t left_;
};

}  // namespace larder

#endif  // LARDER_PROTO_WIRE_FIELD_BUDGET_H_
