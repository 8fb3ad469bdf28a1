#ifndef LARDER_SERVER_UPKEEP_HOUSEKEEPER_H_
#define LARDER_SERVER_UPKEEP_HOUSEKEEPER_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "server/connections/connection_table.h"
#include "server/handlers/background.h"
#include "server/handlers/served_keyspace.h"
#include "server/tls/tls_rotation.h"
#include "server/upkeep/incident_report.h"
#include "server/upkeep/shard_clock.h"

namespace larder::server {

// What is looked after once a second; each may be nullptr.
struct SlowChores {
  TlsRotation* tls = nullptr;
  IncidentReport* incidents = nullptr;
};

// The thread that does what no request does: removes expired entries and leases, evicts down to a
// memory limit that was lowered, gets memory before it is needed, disciplines the shard clock,
// counts the connections that are gone, looks for new certificates, reports incidents, and does
// what requests leave to the background. All parts must outlive it.
class Housekeeper final : public Background {
 public:
  // What may wait in the background. No flag: nobody needs as many flushes at once, each of some
  // half a millisecond, and expiry should not wait for more.
  static constexpr size_t kWaitingMax = 128;

  Housekeeper(const ServedKeyspace* keyspace, ShardClock* clock, ConnectionTable* connections,
              const SlowChores& chores = {});
  // Fails what still waits.
  ~Housekeeper() override;
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

  void Post(Work work) override;

 private:
  void Run();
  void DoChores();

  const ServedKeyspace* const served_;
  ShardClock* const clock_;
  ConnectionTable* const connections_;
  const SlowChores slow_chores_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_stopping_ = false;   // guarded by mutex_
  std::vector<Work> waiting_;  // guarded by mutex_
  std::chrono::steady_clock::time_point next_slow_ = std::chrono::steady_clock::now();
  bool has_more_chores_ = false;
  std::thread thread_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_UPKEEP_HOUSEKEEPER_H_
