#ifndef LARDER_SERVER_RPC_SERVICES_CACHE_ANSWERS_H_
#define LARDER_SERVER_RPC_SERVICES_CACHE_ANSWERS_H_

#include <cstddef>
#include <optional>

#include "server/handlers/reply.h"
#include "storage/operations.h"

namespace larder::server {

// The answers of cache.proto that are sent most, written straight into memory. First their size is
// asked for, then as much memory as that is filled.

// A GetResponse that has an entry; an empty message is one that has none.
size_t GetResponseBytes(const storage::EntryInfo& info, size_t value_bytes);
// Returns where the value goes.
char* WriteGetResponse(const storage::EntryInfo& info, size_t value_bytes, char* at);

// A SetResponse without `previous`.
size_t SetResponseBytes(const SetAnswer& answer);
void WriteSetResponse(const SetAnswer& answer, char* at);

size_t DeleteResponseBytes(const storage::DeleteResult& result);
void WriteDeleteResponse(const storage::DeleteResult& result, char* at);

size_t TouchResponseBytes(const TouchAnswer& answer);
void WriteTouchResponse(const TouchAnswer& answer, char* at);

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_CACHE_ANSWERS_H_
