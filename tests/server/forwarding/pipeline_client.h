#ifndef LARDER_TESTS_SERVER_FORWARDING_PIPELINE_CLIENT_H_
#define LARDER_TESTS_SERVER_FORWARDING_PIPELINE_CLIENT_H_

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "larder/v1/cache.pb.h"
#include "server/connections/endpoint.h"
#include "tests/server/client_socket.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {

// A Pipeline of a client that the test plays by the frame: it may send what no library does, and
// reads as much as the test allows.
class PipelineClient {
 public:
  // The node may send so many bytes until Allow.
  explicit PipelineClient(const Endpoint& endpoint, uint32_t window = 1 << 30) : socket_(endpoint) {
    socket_.Send(Hello({{http2::Setting::kInitialWindowSize, window}}) + WindowUpdate(0, 1 << 30) +
                 Headers(kStream, RequestFields("/larder.v1.Cache/Pipeline")));
  }

  void Send(std::string_view request) {
    constexpr size_t kFrameBytes = 16384;
    const std::string message = Message(request);
    for (size_t at = 0; at < message.size(); at += kFrameBytes) {
      socket_.Send(Data(kStream, std::string_view(message).substr(at, kFrameBytes)));
    }
  }
  void Send(const v1::PipelineRequest& request) { Send(request.SerializeAsString()); }
  void End() { socket_.Send(Data(kStream, "", http2::kEndStream)); }
  void Allow(uint32_t bytes, uint32_t stream = kStream) {
    socket_.Send(WindowUpdate(stream, bytes));
  }
  // A unary call on the same connection. REQUIRES: an odd stream, above those before.
  void Call(uint32_t stream, const std::string& path, std::string_view request) {
    socket_.Send(Headers(stream, RequestFields(path)) +
                 Data(stream, Message(request), http2::kEndStream));
  }

  // The next answer; one without an id if the call ends before.
  v1::PipelineResponse Read() {
    v1::PipelineResponse response;
    while (!HasMessage()) {
      if (IsOver(kStream) || !ReadFrame()) return response;
    }
    const std::string& body = answers_[kStream].body;
    const size_t bytes = LoadBigEndian(body.data() + read_ + 1, 4);
    EXPECT_TRUE(response.ParseFromArray(body.data() + read_ + 5, static_cast<int>(bytes)));
    read_ += 5 + bytes;
    return response;
  }
  // Reads to the end of a call; "grpc-status" of its trailers.
  std::string Status(uint32_t stream = kStream) {
    while (!IsOver(stream) && ReadFrame()) {
    }
    return answers_[stream].fields["grpc-status"];
  }
  size_t body_bytes() { return answers_[kStream].body.size(); }
  // Reads until the node has answered this: all that it has sent before was read, too.
  void Ping() {
    const std::string number = BigEndian(++pings_, 8);
    socket_.Send(Frame(http2::FrameType::kPing, 0, 0, number));
    while (last_pong_ != number) ASSERT_TRUE(ReadFrame()) << "the connection has ended";
  }
  bool IsOver(uint32_t stream = kStream) {
    return answers_[stream].is_complete || answers_[stream].is_reset;
  }

 private:
  static constexpr uint32_t kStream = 1;

  bool HasMessage() {
    const std::string& body = answers_[kStream].body;
    return body.size() >= read_ + 5 &&
           body.size() >= read_ + 5 + LoadBigEndian(body.data() + read_ + 1, 4);
  }
  // False: the connection is over.
  bool ReadFrame() {
    const std::string head = socket_.Read(http2::FrameHeader::kBytes);
    if (head.size() < http2::FrameHeader::kBytes) return false;
    const auto header = http2::FrameHeader::Read(head.data());
    const std::string payload = socket_.Read(header.payload_bytes);
    if (header.type == http2::FrameType::kPing && header.Has(http2::kAck)) last_pong_ = payload;
    answers_.Add(head + payload);
    return true;
  }

  ClientSocket socket_;
  Answers answers_;
  size_t read_ = 0;  // of the body
  uint64_t pings_ = 0;
  std::string last_pong_;
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_FORWARDING_PIPELINE_CLIENT_H_
