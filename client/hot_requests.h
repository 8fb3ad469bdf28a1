#ifndef LARDER_CLIENT_HOT_REQUESTS_H_
#define LARDER_CLIENT_HOT_REQUESTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "client/channel/channel_call.h"
#include "client/types.h"

namespace larder {

// Requests that are sent most, written straight into their calls. The bytes are those that
// protobuf makes of messages.h's messages, which write requests with rare options.

void WriteGetRequest(std::string_view key, const GetOptions& options, ChannelCall& call);
void WriteSetRequest(std::string_view key, std::string_view value, const SetOptions& options,
                     ChannelCall& call);
void WriteDeleteRequest(std::string_view key, const DeleteOptions& options, ChannelCall& call);

// Asks for some of the keys: `items` are their indices.
void WriteMultiGetRequest(const std::vector<std::string>& keys, const std::vector<size_t>& items,
                          ChannelCall& call);

}  // namespace larder

#endif  // LARDER_CLIENT_HOT_REQUESTS_H_
