#ifndef LARDER_CLIENT_HOT_ANSWERS_H_
#define LARDER_CLIENT_HOT_ANSWERS_H_

#include <string_view>

#include "client/types.h"

namespace larder {

// Answers that come most, read in place. What comes out is what messages.h makes of protobuf's
// messages, which read answers with rare fields. INTERNAL: the answer breaks the contract.

absl::StatusOr<GetResult> ReadGetAnswer(std::string_view bytes, size_t items);
absl::StatusOr<SetResult> ReadSetAnswer(std::string_view bytes, size_t items);
absl::StatusOr<DeleteResult> ReadDeleteAnswer(std::string_view bytes, size_t items);
// Also when there are not so many results as items.
absl::StatusOr<MultiGetResult> ReadMultiGetAnswer(std::string_view bytes, size_t items);

}  // namespace larder

#endif  // LARDER_CLIENT_HOT_ANSWERS_H_
