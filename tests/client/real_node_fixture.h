#ifndef LARDER_TESTS_CLIENT_REAL_NODE_FIXTURE_H_
#define LARDER_TESTS_CLIENT_REAL_NODE_FIXTURE_H_

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/client.h"
#include "tests/bench/child_process.h"
#include "tests/bench/line_connection.h"
#include "tests/bench/server_start.h"
#include "tests/client/transports.h"

namespace larder {

// The path of the program: real_node_test.cc.
extern const char kLarderd[];

// A larderd of its own, on a free port.
class RealNodeTest : public testing::OnEachTransport {
 protected:
  void SetUp() override {
    const auto port = bench::FreePort();
    ASSERT_TRUE(port.ok()) << port.status();
    port_ = *port;
  }

  void StartNode(std::vector<std::string> flags = {}) {
    std::vector<std::string> command = {kLarderd, absl::StrCat("--listen=127.0.0.1:", port_),
                                        "--metrics_listen=", "--log_level=error"};
    command.insert(command.end(), flags.begin(), flags.end());
    auto node = bench::ChildProcess::Start(command);
    ASSERT_TRUE(node.ok()) << node.status();
    node_ = *std::move(node);
    const auto ready = bench::WaitUntilReady(*node_, port_);
    ASSERT_TRUE(ready.ok()) << ready.status();
  }
  std::unique_ptr<Client> Connect(ClientOptions options = {}) {
    options.address = absl::StrCat("127.0.0.1:", port_);
    options.deadline = absl::Seconds(60);
    options.transport = GetParam();
    return Client::Create(std::move(options)).value();
  }
  void Signal(int signal) { ASSERT_EQ(kill(node_->pid(), signal), 0); }

  // Returns when no thread of it runs any more.
  void StopNode() {
    Signal(SIGSTOP);
    int state = 0;
    ASSERT_EQ(waitpid(node_->pid(), &state, WUNTRACED), node_->pid());
    ASSERT_TRUE(WIFSTOPPED(state));
  }

  // A call that begins while the node is gone is answered once `restart` has started it again.
  template <typename Restart>
  void ExpectRetriesOutlast(ClientOptions options, const Restart& restart) {
    options.retry.attempts_max = 1000;
    const auto client = Connect(std::move(options));
    ASSERT_TRUE(client->Set("k", "v").ok());
    Signal(SIGTERM);
    EXPECT_TRUE(node_->ReadUntilEnd(absl::Seconds(60)).ok());
    std::promise<absl::Status> ended;
    client->GetAsync("k", {},
                     [&](absl::StatusOr<GetResult> result) { ended.set_value(result.status()); });
    restart();
    const absl::Status status = ended.get_future().get();
    EXPECT_TRUE(status.ok()) << status;
  }

  uint16_t port_ = 0;
  std::unique_ptr<bench::ChildProcess> node_;
};

}  // namespace larder

#endif  // LARDER_TESTS_CLIENT_REAL_NODE_FIXTURE_H_
