#ifndef LARDER_TESTS_BENCH_HOT_PATH_MEASURED_SERVER_H_
#define LARDER_TESTS_BENCH_HOT_PATH_MEASURED_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/bench/hot_path/key_picker.h"
#include "tests/bench/hot_path/load_protocol.h"
#include "tests/bench/hot_path/load_shape.h"
#include "tests/bench/hot_path/workload.h"

namespace larder::bench {

inline constexpr char kRedisName[] = "redis-server";

// One kind of server that workloads run on: how it is started and what is said to it.
class MeasuredServer {
 public:
  virtual ~MeasuredServer() = default;

  virtual std::string name() const = 0;
  virtual std::string program() const = 0;  // a path, or to be found on PATH
  // The program and its arguments. `folder` is empty, to be left so.
  virtual std::vector<std::string> Command(uint16_t port, const std::string& folder,
                                           const Workload& workload) const = 0;
  // How its connections are used: one measurement for each, of the same work.
  virtual std::vector<LoadShape> Shapes(const Workload& workload) const = 0;
  virtual std::unique_ptr<LoadProtocol> MakeProtocol(const Workload& workload, uint16_t port,
                                                     const KeyPicker& keys) const = 0;
  // It has values, which are to be set before they can be read, and a --version.
  virtual bool is_cache() const { return true; }
};

// Behind the name of a server with more threads than one, so that it can be told from that.
inline std::string ThreadsInName(int threads) {
  return threads == 1 ? "" : absl::StrCat(" x", threads);
}

// `transport` is larderd's flag; "default": without the flag.
std::unique_ptr<MeasuredServer> MakeLarderServer(const std::string& program,
                                                 const std::string& transport, int io_threads);
std::unique_ptr<MeasuredServer> MakeRedisServer();
std::unique_ptr<MeasuredServer> MakeMemcachedServer(int threads);
// This program as FloorLoop, with the sizes of gRPC.
std::unique_ptr<MeasuredServer> MakeFloorServer();

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_MEASURED_SERVER_H_
