#ifndef LARDER_SERVER_RPC_SERVER_LOOP_H_
#define LARDER_SERVER_RPC_SERVER_LOOP_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "client/channel/event_loop.h"
#include "client/channel/file_descriptor.h"
#include "client/channel/loop_member.h"
#include "client/channel/loop_time.h"
#include "server/rpc/io_timeouts.h"
#include "server/rpc/rpc_call_pool.h"
#include "server/rpc/rpc_connection.h"
#include "server/rpc/rpc_method.h"
#include "storage/mutex.h"

namespace larder::server {

class ServedConnection;
class TlsRotation;

// What a ServerLoop serves, and how. All that is pointed to outlives the loop.
struct ServerLoopOptions {
  const RpcLimits* limits;
  const RpcMethods* methods;
  IoTimeouts timeouts;
  TransportState* state;
  const TlsRotation* tls = nullptr;  // nullptr: plaintext
  // Where the connections live, for instance beside those of channels to peers, whose calls then
  // need no other thread. nullptr: the ServerLoop makes a loop, and ends it.
  EventLoop* event_loop = nullptr;
};

// Those connections of a server that live on one EventLoop, whose thread runs their methods: reads
// what has come for all of them, runs the methods, writes the answers, with one recv and one send
// for each connection that has something.
class ServerLoop final : private LoopMember {
 public:
  // Errors as EventLoop::Create.
  static absl::StatusOr<std::unique_ptr<ServerLoop>> Start(const ServerLoopOptions& options);
  // Closes all connections. Not on the loop's thread, but for a task of the EventLoop that it was
  // given.
  ~ServerLoop() override;

  // The following may be called on any thread.

  // Takes a connection over.
  void Add(FileDescriptor socket);
  // Ends each connection when its calls are finished.
  void Drain();
  // Counts those, too, that are on their way to the loop.
  uint64_t connections() const { return connections_count_.load(std::memory_order_relaxed); }
  // Of these, those to which all was said, and that only wait for their clients to close them.
  uint64_t lingering() const { return lingering_count_.load(std::memory_order_relaxed); }

  // What follows is for its connections, on the loop's thread.

  EventLoop& events() { return events_; }
  LoopTime now() const { return events_.now(); }
  const ServerLoopOptions& options() const { return options_; }
  RpcCallPool& calls() { return calls_; }
  bool is_draining() const { return is_draining_; }
  // Lets the connection continue when the others had their turn.
  void WaitForTurn(ServedConnection& connection);
  // Moves it in the order of deadlines; kNoTime: there is none.
  void MoveDeadline(ServedConnection& connection, LoopTime from, LoopTime to);
  // Ends those of its connections that hold most, and for longest, of what is scarce on the node
  // (ByteBudget::IsScarce), until that is relieved or none holds anything of it.
  void EndGreedy();
  // Counts one that lingers from now on.
  void CountLingering() { lingering_count_.fetch_add(1, std::memory_order_relaxed); }
  // Takes a connection that is closed, and destroys it when nothing of it can be running any more.
  void Release(ServedConnection& connection, ConnectionEnd reason);

 private:
  ServerLoop(const ServerLoopOptions& options, std::unique_ptr<EventLoop> own_events);
  void OnTurn() override;
  void OnSecond(uint32_t seconds) override;
  void TakeInput();
  void Open(FileDescriptor socket);
  void EndGreedyOf(const ByteBudget& budget, ByteShare& (ServedConnection::*share)());
  // Lets the end of a connection be known that was added and has not become one of the loop's.
  void CountUnopened(ConnectionEnd reason);
  // Goes on with calls that were deferred.
  void ResumeCalls();
  void DrainAll();
  // Gives those their turn that had more than fits into one.
  void ContinueTurns();
  void ExpireDeadlines();
  void CloseAll();
  std::vector<ServedConnection*> AllConnections() const;

  const std::unique_ptr<EventLoop> own_events_;  // nullptr: they are the options'
  EventLoop& events_;
  const ServerLoopOptions options_;
  std::atomic<uint64_t> connections_count_{0};
  std::atomic<uint64_t> lingering_count_{0};
  storage::Mutex mutex_;
  std::vector<FileDescriptor> arrived_ ABSL_GUARDED_BY(mutex_);
  bool must_drain_ ABSL_GUARDED_BY(mutex_) = false;

  // All below belongs to the loop's thread.
  std::minstd_rand random_;
  bool is_draining_ = false;
  LoopTime end_greedy_again_{};  // before, there is none
  uint32_t seconds_ = 0;         // since freed memory was given back
  RpcCallPool calls_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<ServedConnection>> connections_;  // by number()
  std::deque<ServedConnection*> turns_;  // that have more to run, in the order of their turns
  std::vector<std::unique_ptr<ServedConnection>> closed_;
  absl::btree_set<std::pair<LoopTime, ServedConnection*>> deadlines_;
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVER_LOOP_H_
