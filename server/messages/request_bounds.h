#ifndef LARDER_SERVER_MESSAGES_REQUEST_BOUNDS_H_
#define LARDER_SERVER_MESSAGES_REQUEST_BOUNDS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "proto/wire/field_budget.h"
#include "server/handlers/limits.h"

namespace google::protobuf {
class Descriptor;
}

namespace larder::server {

// A message takes up to a hundred times the memory of its bytes, and those may come compressed. So
// what a request has is counted where it lies before a message is built of it.

// How many items a request may have, in all of its repeated fields. The default is for those that
// have none.
struct ItemsBound {
  std::string_view field;  // where the items are
  size_t max = 0;
  std::string_view flag;  // that sets the bound; empty: none does
};

ItemsBound MultiKeyItems(const Limits& limits);

// What reading a request came to.
enum class [[nodiscard]] ReadOutcome : uint8_t {
  kRead,
  kUnreadable,  // it is no message of its type
  kTooManyItems,
  kTooManyFields,
};

// How many fields a request may have before it has items: several times what the largest has, for
// clients that know more fields than this node.
FieldBudget RequestFields();
// Allows the fields of one more item.
void AllowItem(FieldBudget& fields);

// Looks at the fields of a request, those that the node knows as messages and groups included. What
// is kRead may still be refused by protobuf, as for text that is not UTF-8. `type` must not contain
// itself.
ReadOutcome LookAtRequest(std::string_view bytes, const google::protobuf::Descriptor& type,
                          size_t items_max);

// INVALID_ARGUMENT that names the operation, what was counted and its limit. OK: kRead.
absl::Status StatusOf(ReadOutcome outcome, std::string_view operation, const ItemsBound& items);

}  // namespace larder::server

#endif  // LARDER_SERVER_MESSAGES_REQUEST_BOUNDS_H_
