#include "tests/testing/link_proxy/link_proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "tests/loopback.h"

namespace larder::link_proxy {
namespace {

using ::testing::HasSubstr;

constexpr time_t kPatienceSeconds = 30;

void SetPatience(const FileDescriptor& socket) {
  const timeval patience{kPatienceSeconds, 0};
  setsockopt(socket.number(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

void Send(const FileDescriptor& socket, const std::string& bytes) {
  ASSERT_EQ(send(socket.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
}

// So many bytes, or fewer and how it ended: "|closed", "|reset", "|nothing".
std::string Receive(const FileDescriptor& socket, size_t wanted) {
  std::string received;
  while (received.size() < wanted) {
    char buffer[4096];
    const ssize_t bytes =
        recv(socket.number(), buffer, std::min(sizeof buffer, wanted - received.size()), 0);
    if (bytes == 0) return received + "|closed";
    if (bytes < 0) return received + (errno == ECONNRESET ? "|reset" : "|nothing");
    received.append(buffer, static_cast<size_t>(bytes));
  }
  return received;
}

class LinkProxyTest : public ::testing::Test {
 protected:
  LinkProxyTest() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = LoopbackAddress(0);
    socklen_t bytes = sizeof address;
    EXPECT_EQ(bind(listener_.number(), reinterpret_cast<sockaddr*>(&address), bytes), 0);
    EXPECT_EQ(listen(listener_.number(), 16), 0);
    getsockname(listener_.number(), reinterpret_cast<sockaddr*>(&address), &bytes);
    SetPatience(listener_);
    int pair[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    control_ = FileDescriptor(pair[0]);
    SetPatience(control_);
    proxy_end_ = FileDescriptor(pair[1]);
    LinkProxy::Options options;
    options.target_port = ntohs(address.sin_port);
    options.control_in = options.control_out = proxy_end_.number();
    proxy_ = *LinkProxy::Create(options);
    thread_ = std::thread([this] { EXPECT_TRUE(proxy_->Run().ok()); });
  }
  ~LinkProxyTest() override {
    control_.Close();
    thread_.join();
  }

  std::string Command(const std::string& line) {
    Send(control_, line + "\n");
    std::string answer;
    do {
      const std::string byte = Receive(control_, 1);
      if (byte.size() != 1) return answer + byte;
      answer += byte;
    } while (!answer.ends_with("ok\n") && !(answer.starts_with("error") && answer.back() == '\n'));
    return answer;
  }
  void Connect() {
    client_ = FileDescriptor(socket(AF_INET, SOCK_STREAM, 0));
    SetPatience(client_);
    const sockaddr_in address = LoopbackAddress(proxy_->port());
    ASSERT_EQ(
        connect(client_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  void ConnectBoth() {
    Connect();
    server_ = FileDescriptor(accept(listener_.number(), nullptr, nullptr));
    ASSERT_TRUE(server_.is_open());
    SetPatience(server_);
  }

  FileDescriptor listener_;
  FileDescriptor control_;
  FileDescriptor proxy_end_;
  std::unique_ptr<LinkProxy> proxy_;
  std::thread thread_;
  FileDescriptor client_;
  FileDescriptor server_;
};

TEST_F(LinkProxyTest, CarriesBothWaysAndCounts) {
  ConnectBoth();
  const std::string large(3'000'000, 'x');
  std::thread sender([this, &large] { Send(client_, large); });
  EXPECT_EQ(Receive(server_, large.size()), large);
  sender.join();
  Send(server_, "answer");
  EXPECT_EQ(Receive(client_, 6), "answer");
  EXPECT_EQ(Command("stats"),
            "connection 1 open forward_bytes=3000000 forward_frames=0 forward_messages=0 "
            "backward_bytes=6 backward_frames=0 backward_messages=0\nok\n");
}

TEST_F(LinkProxyTest, AnEndOfOneSideReachesTheOther) {
  ConnectBoth();
  Send(client_, "last");
  shutdown(client_.number(), SHUT_WR);
  EXPECT_EQ(Receive(server_, 100), "last|closed");
  Send(server_, "answer");
  server_.Close();
  EXPECT_EQ(Receive(client_, 100), "answer|closed");
}

TEST_F(LinkProxyTest, ACutAfterSoManyBytesLetsThesePass) {
  for (const auto& [kind, end] : {std::pair("close", "|closed"), {"reset", "|reset"}}) {
    EXPECT_EQ(Command(std::string("cut forward ") + kind + " bytes=5"), "ok\n");
    ConnectBoth();
    Send(client_, "123456789");
    EXPECT_EQ(Receive(server_, 100), std::string("12345") + end);
    EXPECT_EQ(Receive(client_, 1), end);
    EXPECT_EQ(Command("heal"), "ok\n");
  }
  EXPECT_THAT(Command("stats"), HasSubstr("connection 2 closed forward_bytes=5"));
}

TEST_F(LinkProxyTest, ACutAfterSoManyMessagesAndOnlyOnce) {
  ConnectBoth();
  EXPECT_EQ(Command("cut backward reset messages=2 once"), "ok\n");
  // A DATA frame with one message of one byte.
  const std::string frame = std::string("\0\0\6\0\0\0\0\0\1", 9) + std::string("\0\0\0\0\1m", 6);
  Send(server_, frame + frame + frame);
  EXPECT_EQ(Receive(client_, 100), frame + frame + "|reset");
  EXPECT_THAT(Command("stats"), HasSubstr("backward_frames=2 backward_messages=2"));
  ConnectBoth();
  Send(server_, frame + frame + frame);
  EXPECT_EQ(Receive(client_, 3 * frame.size()), frame + frame + frame);
}

TEST_F(LinkProxyTest, CutsAtOnceAreDoneWhenTheCommandIsAnswered) {
  ConnectBoth();
  EXPECT_EQ(Command("cut both reset"), "ok\n");
  EXPECT_EQ(Receive(client_, 1), "|reset");
  ConnectBoth();
  EXPECT_EQ(Command("cut both close"), "ok\n");
  EXPECT_EQ(Receive(client_, 1), "|closed");
  EXPECT_EQ(Receive(server_, 1), "|closed");
}

TEST_F(LinkProxyTest, AStallIsSilentInOneDirectionUntilItIsHealed) {
  ConnectBoth();
  EXPECT_EQ(Command("cut forward stall"), "ok\n");
  Send(client_, "question");
  Send(server_, "news");
  EXPECT_EQ(Receive(client_, 4), "news");
  EXPECT_THAT(Command("stats"), HasSubstr("connection 1 open forward_bytes=0"));
  EXPECT_EQ(Command("heal"), "ok\n");
  EXPECT_EQ(Receive(server_, 8), "question");
}

TEST_F(LinkProxyTest, ADelayedByteArrives) {
  EXPECT_EQ(Command("set both delay=20 bandwidth=100000"), "ok\n");
  ConnectBoth();
  Send(client_, std::string(3000, 'd'));
  EXPECT_EQ(Receive(server_, 3000), std::string(3000, 'd'));
}

TEST_F(LinkProxyTest, ConnectionsCanBeRefused) {
  EXPECT_EQ(Command("refuse"), "ok\n");
  Connect();
  EXPECT_EQ(Receive(client_, 1), "|reset");
  EXPECT_EQ(Command("accept"), "ok\n");
  ConnectBoth();
  Send(client_, "1");
  EXPECT_EQ(Receive(server_, 1), "1");
}

TEST_F(LinkProxyTest, ATargetThatIsGoneResetsTheClient) {
  listener_.Close();
  Connect();
  EXPECT_EQ(Receive(client_, 1), "|reset");
}

TEST_F(LinkProxyTest, AWrongCommandIsAnsweredAndChangesNothing) {
  EXPECT_THAT(Command("cut it"), HasSubstr("error: 'it' is not forward"));
  ConnectBoth();
  Send(client_, "1");
  EXPECT_EQ(Receive(server_, 1), "1");
}

}  // namespace
}  // namespace larder::link_proxy
