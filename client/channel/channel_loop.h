#ifndef LARDER_CLIENT_CHANNEL_CHANNEL_LOOP_H_
#define LARDER_CLIENT_CHANNEL_CHANNEL_LOOP_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "client/channel/channel_call.h"
#include "client/channel/channel_options.h"
#include "client/channel/connect_backoff.h"
#include "client/channel/deadline_wheel.h"
#include "client/channel/file_descriptor.h"
#include "client/channel/loop_time.h"
#include "client/channel/mutex.h"
#include "client/channel/request_blocks.h"
#include "client/channel/socket_address.h"
#include "proto/http2/output_buffer.h"

namespace larder {

// One thread that runs some connections of an RpcChannel, by epoll. Calls that were started while
// it was busy are sent together: one wake-up, and one send for each connection.
class ChannelLoop {
 public:
  // `places`: connections that it keeps, when they are asked for. Errors as RpcChannel::Create.
  static absl::StatusOr<std::unique_ptr<ChannelLoop>> Create(const ChannelOptions& options,
                                                             uint32_t places);
  // REQUIRES: all calls have ended.
  ~ChannelLoop();
  ChannelLoop(const ChannelLoop&) = delete;
  ChannelLoop& operator=(const ChannelLoop&) = delete;

  // From any thread. `place`: the number of the connection.
  void Start(ChannelCall& call, uint32_t place);

 private:
  struct Link;
  struct Place;
  struct Mailbox;
  using Addresses = std::vector<SocketAddress>;

  static constexpr size_t kReceiveBytes = size_t{256} << 10;

  ChannelLoop(const ChannelOptions& options, FileDescriptor epoll, FileDescriptor wake,
              uint32_t places);
  void Run();
  void Post(std::function<void()> task);
  void WakeUp();
  bool HasInput();
  void TakeInput();
  int TimeoutMs() const;

  // Calls.
  void Begin(ChannelCall& call);
  void StartWaiting(Place& place);
  void FinishEnded(Link& link);
  void Finish(ChannelCall& call);
  void Refuse(ChannelCall& call, absl::StatusCode code, std::string why);
  void ExpireDeadlines();

  // Places: channel_loop_connect.cc.
  void BeginConnect(Place& place);
  void ConnectNext(Place& place);
  bool Connect(Place& place, const SocketAddress& address);
  void OnConnected(Link& link);
  void FailConnect(Place& place, std::string why);
  void ExpireConnects();
  // The place needs another connection; this one may go on with the calls that it has.
  void Detach(Link& link, const std::string& why);

  // What goes over them: channel_loop_io.cc.
  void Read(Link& link);
  // Takes what the socket gave. False: the connection has failed.
  bool Receive(Link& link, std::string_view bytes);
  void Write(Link& link);
  void Encrypt(Link& link);
  void ReleaseIfLarge(OutputBuffer& output);

  // Connections.
  void OnReady(Link& link, uint32_t events);
  void MarkChanged(Link& link);
  void SettleChanged();
  void Settle(Link& link);
  void Lose(Link& link, const std::string& why);
  void OnSecond();
  void CheckKeepalive(Link& link);

  const ChannelOptions options_;
  const RequestOrigin origin_;
  const std::string server_name_;  // that TLS demands
  const bool is_numeric_;
  const FileDescriptor epoll_;
  const FileDescriptor wake_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> is_sleeping_{false};
  Mutex mutex_;
  std::vector<ChannelCall*> started_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  const std::shared_ptr<Mailbox> mailbox_;

  // Of the thread.
  LoopTime now_;
  LoopTime next_second_;
  bool needs_seconds_ = false;  // something was done in the last one
  std::minstd_rand random_;     // for backoff
  DeadlineWheel wheel_;
  std::vector<ChannelCall*> taken_;    // of started_; kept for its memory
  std::vector<ChannelCall*> expired_;  // the same
  std::unique_ptr<char[]> buffer_;     // what was received last
  std::unique_ptr<char[]> decrypted_;  // and what was in it; only with TLS
  std::vector<std::unique_ptr<Place>> places_;
  absl::flat_hash_map<Link*, std::unique_ptr<Link>> links_;
  std::vector<Link*> changed_;                 // to be settled
  std::vector<std::unique_ptr<Link>> closed_;  // of which there may still be events
  std::thread thread_;
};

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_CHANNEL_LOOP_H_
