// Request messages as a client might send them, valid and not, through the code that serves them.
// Input: pairs of (two bytes of length, serialized PipelineRequest), then a serialized ScanRequest.
// What must hold: one answer for each request, no larger than the limit, errors that say something.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "larder/v1/cache.pb.h"
#include "server/handlers/cache_handler.h"
#include "server/handlers/multi_key_handler.h"
#include "server/messages/operation.h"
#include "storage/keyspace.h"

namespace larder::server {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

class SteppingTime final : public TimeSource {
 public:
  storage::TimePoint Now() const override { return now; }
  storage::TimePoint now{storage::Millis(1'000'000)};
};

class OneAnswer final : public Completion {
 public:
  void Done(const absl::Status& status) override {
    ++answers;
    ok = status.ok();
    Require(ok || !status.message().empty());
    Require(status.code() != absl::StatusCode::kInternal);
  }
  void KeepOpen() override {}
  int answers = 0;
  bool ok = false;
};

Limits SmallLimits() {
  Limits limits;
  limits.max_key_bytes = 64;
  limits.max_value_bytes = 4096;
  limits.max_response_bytes = 16384;
  limits.max_multi_items = 8;
  limits.max_scan_limit = 16;
  return limits;
}

class Machine {
 public:
  Machine()
      : keyspace_(*storage::Keyspace::Create(
            {.memory_bytes = storage::Keyspace::kMemoryBytesMin, .stripes = 1}, &versions_)),
        cache_(&keyspace_, &time_, SmallLimits(), LeaseTokenCodec(1, 2)),
        multi_key_(&cache_) {
    parts_.cache = &cache_;
    parts_.multi_key = &multi_key_;
  }

  void Step(const v1::PipelineRequest& request) {
    time_.now += storage::Millis(request.id() % 64);
    switch (request.operation_case()) {
      case v1::PipelineRequest::kGet:
        return Run(request.get());
      case v1::PipelineRequest::kSet:
        return Run(request.set());
      case v1::PipelineRequest::kDelete:
        return Run(request.delete_());
      case v1::PipelineRequest::kLease:
        return Run(request.lease());
      case v1::PipelineRequest::kTouch:
        return Run(request.touch());
      case v1::PipelineRequest::kIncrement:
        return Run(request.increment());
      case v1::PipelineRequest::kAppend:
        return Run(request.append());
      case v1::PipelineRequest::kMultiGet:
        return Run(request.multi_get());
      case v1::PipelineRequest::kMultiSet:
        return Run(request.multi_set());
      case v1::PipelineRequest::kMultiDelete:
        return Run(request.multi_delete());
      case v1::PipelineRequest::OPERATION_NOT_SET:
        break;
    }
  }

  template <typename Request>
  void Run(const Request& request) {
    typename Operation<Request>::Response response;
    OneAnswer completion;
    typename Operation<Request>::Reply reply(&response, &completion);
    Operation<Request>::Run(parts_, request, reply);
    Require(completion.answers == 1);
    if (completion.ok) Require(response.ByteSizeLong() <= SmallLimits().max_response_bytes);
  }

 private:
  SteppingTime time_;
  storage::HybridClock versions_{1};
  ServedKeyspace keyspace_;
  CacheHandler cache_;
  MultiKeyHandler multi_key_;
  ServiceParts parts_;
};

}  // namespace
}  // namespace larder::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  larder::server::Machine machine;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (rest.size() >= 2) {
    const size_t length = static_cast<uint8_t>(rest[0]) | static_cast<uint8_t>(rest[1]) << 8;
    rest.remove_prefix(2);
    const std::string_view message = rest.substr(0, length);
    rest.remove_prefix(message.size());
    larder::v1::PipelineRequest request;
    if (request.ParseFromArray(message.data(), static_cast<int>(message.size()))) {
      machine.Step(request);
    }
  }
  larder::v1::ScanRequest scan;
  if (scan.ParseFromArray(data, static_cast<int>(size))) machine.Run(scan);
  return 0;
}
