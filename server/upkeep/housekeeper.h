#ifndef LARDER_SERVER_UPKEEP_HOUSEKEEPER_H_
#define LARDER_SERVER_UPKEEP_HOUSEKEEPER_H_

#include <condition_variable>
#include <mutex>
#include <thread>

#include "server/connections/connection_table.h"
#include "server/tls/tls_rotation.h"
#include "server/upkeep/shard_clock.h"
#include "storage/keyspace.h"

namespace larder::server {

// The thread that does what no request does: removes expired entries and leases, evicts down to a
// memory limit that was lowered, gets memory before it is needed, disciplines the shard clock,
// counts the connections that are gone, looks for new certificates.
// All parts must outlive it; `tls` may be nullptr.
class Housekeeper {
 public:
  Housekeeper(storage::Keyspace* keyspace, ShardClock* clock, ConnectionTable* connections,
              TlsRotation* tls = nullptr);
  ~Housekeeper();
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

 private:
  void Run();

  storage::Keyspace* const keyspace_;
  ShardClock* const clock_;
  ConnectionTable* const connections_;
  TlsRotation* const tls_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_UPKEEP_HOUSEKEEPER_H_
