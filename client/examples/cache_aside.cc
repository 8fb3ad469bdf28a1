// Cache-aside with a lease: of all callers that miss a key at once, one computes it.
//   larder_client_example [HOST:PORT]

#include <cstdio>
#include <string>

#include "absl/time/clock.h"
#include "client/client.h"

namespace {

std::string Compute() { return "an expensive answer"; }

absl::StatusOr<std::string> GetOrCompute(larder::Client& client, const std::string& key) {
  // Longer than a lease is held by default, so that one whose holder died is granted anew.
  const absl::Time give_up = absl::Now() + absl::Seconds(15);
  while (absl::Now() < give_up) {
    absl::StatusOr<larder::LeaseResult> lease = client.Lease(key);
    if (!lease.ok()) return lease.status();
    switch (lease->state) {
      case larder::LeaseResult::State::kHit:
        return lease->value->value;
      case larder::LeaseResult::State::kGranted: {
        std::string value = Compute();
        // Not stored if somebody changed the key meanwhile: the value is then old, but ours to use
        // once.
        absl::StatusOr<larder::SetResult> set = client.Set(
            key, value,
            {.ttl = absl::Minutes(10), .condition = larder::Condition::LeaseToken(lease->token)});
        if (!set.ok()) return set.status();
        return value;
      }
      case larder::LeaseResult::State::kHeld:
        if (lease->value) return lease->value->value;
        absl::SleepFor(lease->retry_after);
    }
  }
  return absl::UnavailableError("somebody else keeps computing it");
}

}  // namespace

int main(int argc, char** argv) {
  larder::ClientOptions options;
  if (argc > 1) options.address = argv[1];
  absl::StatusOr<std::unique_ptr<larder::Client>> client =
      larder::Client::Create(std::move(options));
  if (!client.ok()) {
    std::fprintf(stderr, "%s\n", client.status().ToString().c_str());
    return 2;
  }
  absl::StatusOr<std::string> value = GetOrCompute(**client, "answer");
  if (!value.ok()) {
    std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
    return 3;
  }
  std::printf("%s\n", value->c_str());
  return 0;
}
