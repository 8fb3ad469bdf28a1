#ifndef LARDER_SERVER_RPC_SERVICES_WIRE_REPLIES_H_
#define LARDER_SERVER_RPC_SERVICES_WIRE_REPLIES_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "server/handlers/reply.h"
#include "server/rpc/services/cache_answers.h"

namespace larder::server {

// An answer that comes later: its message, or an error. Dropped, it fails the call.
class OpenAnswer {
 public:
  virtual ~OpenAnswer() = default;
  // Once, on any thread.
  virtual void Send(std::string message, const absl::Status& status) = 0;
};

// Where the message of an answer goes, once its size is known.
class AnswerPlace {
 public:
  virtual char* Take(size_t bytes) = 0;
  // Leaves the call open.
  virtual std::unique_ptr<OpenAnswer> Open() = 0;

 protected:
  ~AnswerPlace() = default;
};

// Keeps a message until it is sent.
class TextPlace final : public AnswerPlace {
 public:
  char* Take(size_t bytes) override {
    text.resize(bytes);
    return text.data();
  }
  std::unique_ptr<OpenAnswer> Open() override { return nullptr; }  // it is for one that is open

  std::string text;
};

// Writes to a place, and keeps the status until the answer is to be sent.
template <typename Reply>
class WireReply : public Reply {
 public:
  explicit WireReply(AnswerPlace* place) : place_(place) {}

  void Fail(const absl::Status& status) override { status_ = status; }
  const absl::Status& status() const { return status_; }

 protected:
  ~WireReply() = default;
  char* Take(size_t bytes) { return place_->Take(bytes); }
  AnswerPlace& place() { return *place_; }

 private:
  AnswerPlace* const place_;
  absl::Status status_;
};

// A reply to an open call: writes as `Wire` does, sends, and goes.
template <typename Wire>
class LaterWireReply final : public Wire {
 public:
  explicit LaterWireReply(std::unique_ptr<OpenAnswer> answer)
      : Wire(&text_place_), answer_(std::move(answer)) {}

  void Complete(const typename Wire::Answer& answer) override {
    Wire::Complete(answer);
    End(absl::OkStatus());
  }
  void Fail(const absl::Status& status) override { End(status); }
  LaterWireReply& Later() override { return *this; }

 private:
  void End(const absl::Status& status) {
    answer_->Send(std::move(text_place_.text), status);
    delete this;
  }

  TextPlace text_place_;
  const std::unique_ptr<OpenAnswer> answer_;
};

// Writes a GetResponse.
class WireGetReply : public WireReply<GetReply> {
 public:
  using WireReply::WireReply;
  virtual ~WireGetReply() = default;

  char* Reserve(const storage::EntryInfo& info, size_t value_bytes) override {
    return WriteGetResponse(info, value_bytes, Take(GetResponseBytes(info, value_bytes)));
  }
  void Complete(const GetAnswer& answer) override {
    if (!answer.found) Take(0);
  }
  GetReply& Later() override { return *new LaterWireReply<WireGetReply>(place().Open()); }
};

// Writes a SetResponse. REQUIRES: no return_previous.
class WireSetReply : public WireReply<SetReply> {
 public:
  using WireReply::WireReply;
  virtual ~WireSetReply() = default;

  char* Reserve(const storage::EntryInfo&, size_t) override { return nullptr; }
  void Complete(const SetAnswer& answer) override {
    WriteSetResponse(answer, Take(SetResponseBytes(answer)));
  }
  SetReply& Later() override { return *new LaterWireReply<WireSetReply>(place().Open()); }
};

// Writes a DeleteResponse.
class WireDeleteReply : public WireReply<DeleteReply> {
 public:
  using WireReply::WireReply;
  virtual ~WireDeleteReply() = default;

  void Complete(const DeleteAnswer& answer) override {
    WriteDeleteResponse(answer, Take(DeleteResponseBytes(answer)));
  }
  DeleteReply& Later() override { return *new LaterWireReply<WireDeleteReply>(place().Open()); }
};

// Writes a TouchResponse.
class WireTouchReply : public WireReply<TouchReply> {
 public:
  using WireReply::WireReply;
  virtual ~WireTouchReply() = default;

  void Complete(const TouchAnswer& answer) override {
    WriteTouchResponse(answer, Take(TouchResponseBytes(answer)));
  }
  TouchReply& Later() override { return *new LaterWireReply<WireTouchReply>(place().Open()); }
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_WIRE_REPLIES_H_
