#include "server/replication/source_connection.h"

#include <utility>
#include <variant>

namespace larder::server {

// What comes of one stream, to the connection's thread, where it counts only if the stream does.
class SourceConnection::Listener final : public ReplicaStreamListener {
 public:
  Listener(SourceConnection* connection, uint64_t number)
      : connection_(*connection), number_(number) {}
  void OnCanSend() override {
    Post([](SourceConnection& connection) { connection.OnCanSend(); });
  }
  void OnMessage(cluster::SourceMessage message) override {
    auto shared = std::make_shared<cluster::SourceMessage>(std::move(message));
    Post([shared](SourceConnection& connection) {
      connection.events_.on_message(std::move(*shared));
    });
  }
  void OnClosed(const absl::Status& why) override {
    Post([why](SourceConnection& connection) {
      connection.Close(why);
      connection.events_.on_closed(why);
    });
  }

 private:
  template <typename Action>
  void Post(Action action) {
    connection_.post_([&connection = connection_, number = number_, action = std::move(action)] {
      if (number == connection.number_) action(connection);
    });
  }

  SourceConnection& connection_;
  const uint64_t number_;
};

SourceConnection::SourceConnection(StreamOpener opener, Post post, Events events)
    : opener_(std::move(opener)), post_(std::move(post)), events_(std::move(events)) {}

void SourceConnection::Open(const std::string& endpoint) {
  auto listener = std::make_shared<Listener>(this, number_);
  auto stream = opener_(endpoint, listener);
  if (stream.ok()) {
    stream_ = *std::move(stream);
  } else {
    listener->OnClosed(stream.status());
  }
}

void SourceConnection::Close(const absl::Status& why) {
  ++number_;
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->Close(why);
  is_open_ = false;
  can_send_ = false;
  unsent_.clear();
}

void SourceConnection::OnCanSend() {
  can_send_ = true;
  const uint64_t number = number_;
  if (!std::exchange(is_open_, true)) events_.on_open();
  if (number == number_) SendNext();
}

void SourceConnection::Send(cluster::ReplicaMessage message) {
  // Of two acknowledgements that wait the later one says all.
  const auto is_ack = [](const cluster::ReplicaMessage& one) {
    return std::holds_alternative<cluster::Ack>(one);
  };
  if (!unsent_.empty() && is_ack(unsent_.back()) && is_ack(message)) unsent_.pop_back();
  unsent_.push_back(std::move(message));
  SendNext();
}

void SourceConnection::SendNext() {
  if (stream_ == nullptr || !can_send_ || unsent_.empty()) return;
  can_send_ = false;
  // Not taken only by one that has ended.
  static_cast<void>(stream_->Send(&unsent_.front()));
  unsent_.pop_front();
}

}  // namespace larder::server
