#ifndef LARDER_TESTS_TESTING_LINK_PROXY_LINK_PROXY_H_
#define LARDER_TESTS_TESTING_LINK_PROXY_LINK_PROXY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/channel/file_descriptor.h"
#include "tests/testing/link_proxy/flow.h"
#include "tests/testing/link_proxy/link_command.h"

namespace larder::link_proxy {

// A TCP proxy on 127.0.0.1 before one port of this machine, whose connections can be delayed,
// bound, silenced and cut at exact places by the lines of a control connection (link_command.h).
// Each line is answered by one that begins with "ok" or "error:"; then what it asked for is in
// force. One thread: that of Run.
class LinkProxy {
 public:
  struct Options {
    uint16_t listen_port = 0;  // 0: the system chooses
    uint16_t target_port = 0;
    int control_in = -1;   // not owned
    int control_out = -1;  // the same, or the other half
  };

  // INTERNAL: the port cannot be listened on, or the system has no more files.
  static absl::StatusOr<std::unique_ptr<LinkProxy>> Create(const Options& options);

  uint16_t port() const { return port_; }
  // Until the control connection ends or says quit.
  absl::Status Run();

 private:
  // A connection and the one to the target. Both flows keep their counts when it is gone.
  struct Link {
    FileDescriptor client;
    FileDescriptor target;
    Flow forward;
    Flow backward;
    bool is_open = true;
    bool shut_client = false;  // our end of what goes there was told
    bool shut_target = false;
  };

  explicit LinkProxy(const Options& options) : options_(options) {}
  absl::Status Open();
  void Accept();
  void OnReady(uint64_t tag, uint32_t events);
  // Moves what can be moved, ends what has ended, and says what to wait for.
  void Serve(uint64_t number, Link& link);
  bool Read(int from, Flow& flow);
  bool Write(int to, Flow& flow, bool& is_shut);
  void Watch(uint64_t number, Link& link);
  void End(Link& link, bool is_reset);
  void OnFired(Link& link, LinkFault::Kind kind, Flow& flow);
  int TimeoutMs() const;

  bool ReadControl();
  std::string Execute(std::string_view line);
  void Apply(const LinkCommand& command);
  std::string Stats() const;

  const Options options_;
  uint16_t port_ = 0;
  FileDescriptor listener_;
  FileDescriptor poll_;
  std::map<uint64_t, Link> links_;  // by number, from 1
  uint64_t links_made_ = 0;
  std::string control_input_;
  bool is_refusing_ = false;
  bool has_quit_ = false;
  LinkRule forward_rule_;
  LinkRule backward_rule_;
  LinkFault forward_fault_;  // of connections to come
  LinkFault backward_fault_;
};

}  // namespace larder::link_proxy

#endif  // LARDER_TESTS_TESTING_LINK_PROXY_LINK_PROXY_H_
