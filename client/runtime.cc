#include "client/runtime.h"

#include <grpcpp/alarm.h>

#include <chrono>
#include <random>

#include "client/channel/mutex.h"

namespace larder {
namespace {

class SystemRuntime final : public ClientRuntime {
 public:
  // Monotonic: a clock that is set must not stretch a deadline.
  absl::Time Now() override {
    return absl::UnixEpoch() +
           absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
  }

  double Random() override {
    MutexLock lock(mutex_);
    return std::uniform_real_distribution<double>(0, 1)(engine_);
  }

  void RunAfter(absl::Duration delay, std::function<void()> callback) override {
    auto alarm = std::make_shared<grpc::Alarm>();
    grpc::Alarm& timer = *alarm;
    // gRPC keeps the lambda for as long as the alarm lives, so the alarm must leave it to be freed.
    timer.Set(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(delay),
              [alarm = std::move(alarm), callback = std::move(callback)](bool) mutable {
                const std::shared_ptr<grpc::Alarm> last_owner = std::move(alarm);
                const std::function<void()> run = std::move(callback);
                run();
              });
  }

 private:
  Mutex mutex_;
  std::mt19937_64 engine_ ABSL_GUARDED_BY(mutex_){std::random_device{}()};
};

}  // namespace

std::shared_ptr<ClientRuntime> CreateClientRuntime() { return std::make_shared<SystemRuntime>(); }

}  // namespace larder
