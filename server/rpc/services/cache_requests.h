#ifndef LARDER_SERVER_RPC_SERVICES_CACHE_REQUESTS_H_
#define LARDER_SERVER_RPC_SERVICES_CACHE_REQUESTS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "server/handlers/request_views.h"

namespace larder::server {

// The requests of cache.proto that are sent most, read in place: the views borrow from the bytes.
// Each is what protobuf's parser and messages/message_views.h would make of them.
// False: no such message.
bool ReadGetRequest(std::string_view bytes, GetView& view);
bool ReadSetRequest(std::string_view bytes, SetView& view);
bool ReadDeleteRequest(std::string_view bytes, DeleteView& view);

// Reads at most so many items; counts the others, too, so that they can be refused.
bool ReadMultiGetRequest(std::string_view bytes, size_t items_max, std::vector<GetView>& views,
                         size_t& items);

// One operation of a Pipeline.
struct PipelineView {
  uint64_t id = 0;
  uint32_t operation = 0;    // the number of its field; 0: there is none, or more than one
  std::string_view request;  // of that operation, not read
};
bool ReadPipelineRequest(std::string_view bytes, PipelineView& view);

// The key of a request that is about one, as clients usually write it: the first field. Empty: it
// is written in another way, or is none.
std::string_view PeekKey(std::string_view request);

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_CACHE_REQUESTS_H_
