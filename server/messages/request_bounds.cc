#include "server/messages/request_bounds.h"

#include <google/protobuf/descriptor.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "proto/wire/wire_reader.h"

namespace larder::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr size_t kFieldsMax = 64;
// A SetRequest that has everything has 12, and its place among the items is one.
constexpr size_t kFieldsForItem = 20;

// Walks a message and those in it, with one count for all of them.
class RequestWalk {
 public:
  explicit RequestWalk(size_t items_max) : fields_(RequestFields()), items_left_(items_max) {}

  ReadOutcome Walk(std::string_view bytes, const Descriptor& type) {
    WireReader reader(bytes);
    while (reader.Next()) {
      if (!fields_.Take()) return ReadOutcome::kTooManyFields;
      const FieldDescriptor* const field = type.FindFieldByNumber(static_cast<int>(reader.field()));
      if (field != nullptr && field->is_repeated()) {
        if (items_left_ == 0) return ReadOutcome::kTooManyItems;
        --items_left_;
        AllowItem(fields_);
      }
      if (field != nullptr && field->type() == FieldDescriptor::TYPE_MESSAGE &&
          reader.Is(reader.field(), WireType::kBytes)) {
        const ReadOutcome inner = Walk(reader.ReadBytes(), *field->message_type());
        if (inner != ReadOutcome::kRead) return inner;
      } else {
        reader.Skip(fields_);
        if (fields_.is_overdrawn()) return ReadOutcome::kTooManyFields;
      }
    }
    return reader.ok() ? ReadOutcome::kRead : ReadOutcome::kUnreadable;
  }

 private:
  FieldBudget fields_;
  size_t items_left_;
};

}  // namespace

ItemsBound MultiKeyItems(const Limits& limits) {
  return {.field = "items", .max = limits.max_multi_items, .flag = "--max_multi_items"};
}

FieldBudget RequestFields() { return FieldBudget(kFieldsMax); }

void AllowItem(FieldBudget& fields) { fields.Allow(kFieldsForItem); }

ReadOutcome LookAtRequest(std::string_view bytes, const Descriptor& type, size_t items_max) {
  return RequestWalk(items_max).Walk(bytes, type);
}

absl::Status StatusOf(ReadOutcome outcome, std::string_view operation, const ItemsBound& items) {
  const std::string name(operation);
  switch (outcome) {
    case ReadOutcome::kRead:
      return absl::OkStatus();
    case ReadOutcome::kUnreadable:
      break;
    case ReadOutcome::kTooManyItems: {
      const std::string flag(items.flag);
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": ", std::string(items.field), " has more items than the limit ",
                       items.max, flag.empty() ? "" : absl::StrCat(" (", flag, ")")));
    }
    case ReadOutcome::kTooManyFields:
      return absl::InvalidArgumentError(absl::StrCat(
          name, ": the request has more fields than the limit ", kFieldsMax,
          items.max == 0 ? "" : absl::StrCat(", and ", kFieldsForItem, " for each item")));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": the request is no valid protobuf message"));
}

}  // namespace larder::server
