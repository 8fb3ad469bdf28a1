#ifndef LARDER_STORAGE_COPY_BYTES_H_
#define LARDER_STORAGE_COPY_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace larder::storage {

// memcpy for bytes that may be many. From about 2 KiB on glibc 2.36 uses REP MOVSB where the
// processor says that it is fast, which AMD's (Zen 3 and later) is not if the destination begins
// shortly behind the source, seen within a page: five times slower (glibc bug 30994). So it is
// where a whole page goes to an answer that has a few bytes before it.
inline void CopyBytes(char* to, const char* from, size_t bytes) {
  constexpr size_t kPageBytes = 4096;
  constexpr size_t kNear = 64;
  constexpr size_t kPieceBytes = 1024;  // less than what REP MOVSB is used for
  const size_t ahead =
      (reinterpret_cast<uintptr_t>(to) - reinterpret_cast<uintptr_t>(from)) % kPageBytes;
  if (ahead > 0 && ahead < kNear) {
    for (; bytes > kPieceBytes; bytes -= kPieceBytes) {
      std::memcpy(to, from, kPieceBytes);
      to += kPieceBytes;
      from += kPieceBytes;
    }
  }
  std::memcpy(to, from, bytes);
}

}  // namespace larder::storage

#endif  // LARDER_STORAGE_COPY_BYTES_H_
