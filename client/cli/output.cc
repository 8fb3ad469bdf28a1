#include "client/cli/output.h"

#include <unistd.h>

#include <cerrno>

namespace larder::cli {

Output::Output(std::FILE* file) : file_(file) {
  const int descriptor = fileno(file);
  is_terminal_ = descriptor >= 0 && isatty(descriptor) == 1;
}

void Output::Write(std::string_view bytes) {
  if (error_ != 0 || bytes.empty()) return;
  errno = 0;
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) {
    error_ = errno != 0 ? errno : EIO;
  }
}

void Output::Flush() {
  if (error_ != 0) return;
  errno = 0;
  if (std::fflush(file_) != 0) error_ = errno != 0 ? errno : EIO;
}

}  // namespace larder::cli
