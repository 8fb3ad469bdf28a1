#ifndef LARDER_TESTS_SERVER_ONE_MORE_FILE_H_
#define LARDER_TESTS_SERVER_ONE_MORE_FILE_H_

#include <sys/resource.h>
#include <unistd.h>

#include "client/channel/file_descriptor.h"

namespace larder::server {

// Lets the process open one file more than it has, and then none, as long as it lives.
class OneMoreFile {
 public:
  OneMoreFile() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const FileDescriptor next(::dup(STDERR_FILENO));
    rlimit limit = before_;
    limit.rlim_cur = static_cast<rlim_t>(next.number()) + 1;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  ~OneMoreFile() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  OneMoreFile(const OneMoreFile&) = delete;
  OneMoreFile& operator=(const OneMoreFile&) = delete;

 private:
  rlimit before_{};
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_ONE_MORE_FILE_H_
