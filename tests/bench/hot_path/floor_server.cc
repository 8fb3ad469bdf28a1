#include "absl/strings/str_cat.h"
#include "tests/bench/hot_path/floor_protocol.h"
#include "tests/bench/hot_path/grpc_messages.h"
#include "tests/bench/hot_path/measured_server.h"

namespace larder::bench {
namespace {

class FloorServer final : public MeasuredServer {
 public:
  std::string name() const override { return "floor"; }
  std::string program() const override { return "/proc/self/exe"; }

  std::vector<std::string> Command(uint16_t port, const std::string& /*folder*/,
                                   const Workload& workload) const override {
    const WireSizes sizes = GrpcWireSizes(workload);
    return {program(), "floor_server", absl::StrCat("--port=", port),
            absl::StrCat("--request_bytes=", sizes.request_bytes),
            absl::StrCat("--answer_bytes=", sizes.answer_bytes)};
  }

  std::vector<LoadShape> Shapes(const Workload& workload) const override {
    return {workload.shape};
  }

  std::unique_ptr<LoadProtocol> MakeProtocol(const Workload& workload, uint16_t /*port*/,
                                             const KeyPicker& /*keys*/) const override {
    return std::make_unique<FloorProtocol>(GrpcWireSizes(workload));
  }

  bool is_cache() const override { return false; }
};

}  // namespace

std::unique_ptr<MeasuredServer> MakeFloorServer() { return std::make_unique<FloorServer>(); }

}  // namespace larder::bench
