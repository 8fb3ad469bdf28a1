#include "absl/strings/str_cat.h"
#include "tests/bench/fill_sizes.h"
#include "tests/bench/hot_path/measured_server.h"
#include "tests/bench/hot_path/pipeline_protocol.h"
#include "tests/bench/hot_path/unary_protocol.h"

namespace larder::bench {
namespace {

class LarderServer final : public MeasuredServer {
 public:
  LarderServer(const std::string& program, const std::string& transport, int io_threads)
      : program_(program), transport_(transport), io_threads_(io_threads) {}

  std::string name() const override {
    return absl::StrCat("larderd ", transport_, ThreadsInName(io_threads_));
  }
  std::string program() const override { return program_; }

  std::vector<std::string> Command(uint16_t port, const std::string& /*folder*/,
                                   const Workload& workload) const override {
    const uint64_t memory = AmpleMemory(workload.keys(), kWorkloadKeyBytes, workload.value_bytes);
    std::vector<std::string> command = {program_,
                                        absl::StrCat("--listen=127.0.0.1:", port),
                                        "--metrics_listen=",
                                        "--log_level=error",
                                        "--max_connections=1000000",
                                        absl::StrCat("--io_threads=", io_threads_),
                                        absl::StrCat("--memory=", memory * 2)};
    if (transport_ != "default") command.push_back(absl::StrCat("--transport=", transport_));
    return command;
  }

  std::vector<LoadShape> Shapes(const Workload& workload) const override {
    return {workload.shape};
  }

  std::unique_ptr<LoadProtocol> MakeProtocol(const Workload& workload, uint16_t port,
                                             const KeyPicker& keys) const override {
    const std::string authority = absl::StrCat("127.0.0.1:", port);
    if (workload.is_pipeline()) {
      return std::make_unique<PipelineProtocol>(workload, authority, keys);
    }
    return std::make_unique<UnaryProtocol>(workload, authority, keys);
  }

 private:
  const std::string program_;
  const std::string transport_;
  const int io_threads_;
};

}  // namespace

std::unique_ptr<MeasuredServer> MakeLarderServer(const std::string& program,
                                                 const std::string& transport, int io_threads) {
  return std::make_unique<LarderServer>(program, transport, io_threads);
}

}  // namespace larder::bench
