#ifndef LARDER_SERVER_RPC_SERVICES_CACHE_REQUESTS_H_
#define LARDER_SERVER_RPC_SERVICES_CACHE_REQUESTS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "server/handlers/request_views.h"
#include "server/messages/request_bounds.h"

namespace larder::server {

// The requests of cache.proto that are sent most, read in place: the views borrow from the bytes.
// Each is what protobuf's parser and messages/message_views.h would make of them, unless it has
// more fields than request_bounds.h allows.
ReadOutcome ReadGetRequest(std::string_view bytes, GetView& view);
ReadOutcome ReadSetRequest(std::string_view bytes, SetView& view);
ReadOutcome ReadDeleteRequest(std::string_view bytes, DeleteView& view);
ReadOutcome ReadTouchRequest(std::string_view bytes, TouchView& view);

// Requests with items; one with more items than allowed is read no further.
ReadOutcome ReadMultiGetRequest(std::string_view bytes, size_t items_max,
                                std::vector<GetView>& views);
ReadOutcome ReadMultiSetRequest(std::string_view bytes, size_t items_max,
                                std::vector<SetView>& views);
ReadOutcome ReadMultiDeleteRequest(std::string_view bytes, size_t items_max,
                                   std::vector<DeleteView>& views);

// One operation of a Pipeline.
struct PipelineView {
  uint64_t id = 0;
  uint32_t operation = 0;    // the number of its field; 0: there is none, or more than one
  std::string_view request;  // of that operation, not read
};
ReadOutcome ReadPipelineRequest(std::string_view bytes, PipelineView& view);

// The key of a request that is about one, as clients usually write it: the first field. Empty: it
// is written in another way, or is none.
std::string_view PeekKey(std::string_view request);

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_CACHE_REQUESTS_H_
