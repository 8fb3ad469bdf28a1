#ifndef LARDER_SERVER_TRANSPORT_FREED_MEMORY_H_
#define LARDER_SERVER_TRANSPORT_FREED_MEMORY_H_

#include <string_view>

namespace larder::server {

// Gives back to the system what this thread has freed. mimalloc keeps that for the thread and looks
// at it only when the thread allocates or frees near it, so that a node would hold for good what
// clients that are gone had left unread. Takes some us, or 0.2 ms for each MiB that goes. Does
// nothing with another malloc.
void GiveBackFreedMemory();

// Gives back the pages of bytes that are about to be freed and were not read, if they are many:
// mimalloc may hold what lies beside something that lives. What the bytes are is lost. REQUIRES:
// they are the caller's to write.
void GiveBackPages(std::string_view bytes);

}  // namespace larder::server

#endif  // LARDER_SERVER_TRANSPORT_FREED_MEMORY_H_
