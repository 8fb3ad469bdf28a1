#ifndef LARDER_SERVER_HANDLERS_MULTI_KEY_HANDLER_H_
#define LARDER_SERVER_HANDLERS_MULTI_KEY_HANDLER_H_

#include "absl/types/span.h"
#include "server/handlers/cache_handler.h"
#include "server/handlers/multi_key_progress.h"
#include "server/handlers/reply.h"
#include "server/handlers/request_views.h"

namespace larder::server {

// The Cache methods over many keys: one result per item, in order, duplicates kept; the error of an
// item does not fail the call. An answer stays below Limits::max_response_bytes: items that do not
// fit are RESOURCE_EXHAUSTED, with neither message nor hint once even those have no room.
// Each begins with a new progress, and returns before its end if the reply pauses the call.
// Thread-safe. The cache handler must outlive it.
class MultiKeyHandler {
 public:
  explicit MultiKeyHandler(CacheHandler* cache) : cache_(cache) {}

  void MultiGet(absl::Span<const GetView> items, MultiKeyProgress& progress, MultiGetReply& reply);

  // An item with return_previous is done only if the value that was there fits.
  void MultiSet(absl::Span<const SetView> items, MultiKeyProgress& progress, MultiSetReply& reply);

  void MultiDelete(absl::Span<const DeleteView> items, MultiKeyProgress& progress,
                   MultiDeleteReply& reply);

 private:
  CacheHandler* const cache_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_HANDLERS_MULTI_KEY_HANDLER_H_
