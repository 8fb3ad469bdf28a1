#include "server/connections/connection_table.h"

#include <sys/stat.h>

#include <optional>

namespace larder::server {
namespace {

// A socket's inode is never that of another open socket. Absent: the number is not open.
std::optional<uint64_t> InodeOf(int socket) {
  struct stat status;
  if (::fstat(socket, &status) != 0) return std::nullopt;
  return status.st_ino;
}

}  // namespace

bool ConnectionTable::Admit(int socket) {
  storage::MutexLock lock(mutex_);
  if (connections_.size() >= connections_max_) SweepLocked();
  const std::optional<uint64_t> inode = InodeOf(socket);
  if (connections_.size() >= connections_max_ || !inode.has_value()) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  connections_.push_back({socket, *inode});
  accepted_.fetch_add(1, std::memory_order_relaxed);
  current_.store(connections_.size(), std::memory_order_relaxed);
  return true;
}

void ConnectionTable::Sweep() {
  storage::MutexLock lock(mutex_);
  SweepLocked();
}

void ConnectionTable::SweepLocked() {
  std::erase_if(connections_, [](const Connection& connection) {
    return InodeOf(connection.socket) != connection.inode;
  });
  current_.store(connections_.size(), std::memory_order_relaxed);
}

}  // namespace larder::server
