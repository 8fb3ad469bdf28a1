#ifndef LARDER_TESTS_BENCH_TEMPORARY_FOLDER_H_
#define LARDER_TESTS_BENCH_TEMPORARY_FOLDER_H_

#include <unistd.h>

#include <cstdlib>
#include <string>

namespace larder::bench {

// A folder in /tmp, gone with this object if nothing was put into it.
class TemporaryFolder {
 public:
  TemporaryFolder() { ok_ = mkdtemp(path_.data()) != nullptr; }
  ~TemporaryFolder() {
    if (ok_) rmdir(path_.c_str());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  bool ok() const { return ok_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/larder_bench.XXXXXX";
  bool ok_ = false;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_TEMPORARY_FOLDER_H_
