#include "server/transport/freed_memory.h"

// Of mimalloc, with which the program is linked or not.
extern "C" __attribute__((weak)) void mi_collect(bool force) noexcept;

namespace larder::server {

void GiveBackFreedMemory() {
  if (&mi_collect != nullptr) mi_collect(/*force=*/true);
}

}  // namespace larder::server
