#ifndef LARDER_SERVER_CONNECTIONS_CONNECTION_TABLE_H_
#define LARDER_SERVER_CONNECTIONS_CONNECTION_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "storage/mutex.h"

namespace larder::server {

// Counts connections whose sockets belong to somebody else, who does not say when one is closed:
// remembers number and inode of each and looks, by fstat, which of them are gone. Thread-safe.
class ConnectionTable {
 public:
  explicit ConnectionTable(size_t connections_max) : connections_max_(connections_max) {}

  // Takes an open socket into account. False: there are connections_max already; looks first
  // whether some are gone.
  bool Admit(int socket);

  // Notes that one could not be accepted, for want of descriptors for instance.
  void CountAcceptFailure() { accept_failures_.fetch_add(1, std::memory_order_relaxed); }

  // Forgets the connections that are gone.
  void Sweep();

  size_t connections_max() const { return connections_max_; }
  uint64_t current() const { return current_.load(std::memory_order_relaxed); }
  uint64_t accepted() const { return accepted_.load(std::memory_order_relaxed); }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }
  uint64_t accept_failures() const { return accept_failures_.load(std::memory_order_relaxed); }

 private:
  struct Connection {
    int socket;
    uint64_t inode;
  };

  void SweepLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t connections_max_;
  storage::Mutex mutex_;
  std::vector<Connection> connections_ ABSL_GUARDED_BY(mutex_);
  std::atomic<uint64_t> current_{0};
  std::atomic<uint64_t> accepted_{0};
  std::atomic<uint64_t> refused_{0};
  std::atomic<uint64_t> accept_failures_{0};
};

}  // namespace larder::server

#endif  // LARDER_SERVER_CONNECTIONS_CONNECTION_TABLE_H_
