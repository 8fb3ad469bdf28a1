#include "server/transport/freed_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

// Of mimalloc, with which the program is linked or not.
extern "C" __attribute__((weak)) void mi_collect(bool force) noexcept;

namespace larder::server {
namespace {

// Less is soon used again.
constexpr size_t kManyBytes = size_t{1} << 20;

}  // namespace

void GiveBackFreedMemory() {
  if (&mi_collect != nullptr) mi_collect(/*force=*/true);
}

void GiveBackPages(std::string_view bytes) {
  if (bytes.size() < kManyBytes) [[likely]]
    return;
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<uintptr_t>(bytes.data());
  const uintptr_t begin = (first + page - 1) / page * page;
  const uintptr_t end = (first + bytes.size()) / page * page;
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace larder::server
