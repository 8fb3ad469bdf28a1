#ifndef LARDER_SERVER_RPC_SERVICES_WIRE_REPLIES_H_
#define LARDER_SERVER_RPC_SERVICES_WIRE_REPLIES_H_

#include <cstddef>
#include <cstdint>

#include "proto/wire/wire_writer.h"
#include "server/handlers/reply.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/services/cache_answers.h"

namespace larder::server {

// Where the message of an answer goes, once its size is known.
class AnswerPlace {
 public:
  virtual char* Take(size_t bytes) = 0;

 protected:
  ~AnswerPlace() = default;
};

// Writes the whole answer.
class UnaryPlace final : public AnswerPlace {
 public:
  explicit UnaryPlace(RpcCall* call) : call_(call) {}
  char* Take(size_t bytes) override { return call_->OpenMessage(bytes).Extend(bytes); }

 private:
  RpcCall* const call_;
};

// Writes a field of a PipelineResponse.
class PipelinePlace final : public AnswerPlace {
 public:
  PipelinePlace(RpcCall* call, uint64_t id, uint32_t field) : call_(call), id_(id), field_(field) {}
  char* Take(size_t bytes) override {
    const size_t id_bytes = id_ == 0 ? 0 : VarintFieldBytes(id_);
    const size_t all = id_bytes + BytesFieldBytes(bytes);
    WireWriter writer(call_->OpenMessage(all).Extend(all));
    if (id_ != 0) writer.Varint(1, id_);
    writer.BytesHead(field_, bytes);
    return writer.at();
  }

 private:
  RpcCall* const call_;
  const uint64_t id_;
  const uint32_t field_;
};

// Writes one of the `results` of a multi-key answer, behind the one before.
class ResultPlace final : public AnswerPlace {
 public:
  explicit ResultPlace(OutputBuffer* output) : output_(output) {}
  char* Take(size_t bytes) override { return TakeField(1, bytes); }
  char* TakeError(size_t bytes) { return TakeField(2, bytes); }

 private:
  char* TakeField(uint32_t field, size_t bytes) {
    const size_t result_bytes = BytesFieldBytes(bytes);
    WireWriter writer(output_->Extend(BytesFieldBytes(result_bytes)));
    writer.BytesHead(1, result_bytes);
    writer.BytesHead(field, bytes);
    return writer.at();
  }

  OutputBuffer* const output_;
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

 private:
  AnswerPlace* const place_;
  absl::Status status_;
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
};

// Writes a SetResponse. REQUIRES: no return_previous.
class WireSetReply : public WireReply<SetReply> {
 public:
  using WireReply::WireReply;
  virtual ~WireSetReply() = default;

  char* Reserve(const storage::EntryInfo&, size_t) override { return nullptr; }
  void Complete(const SetAnswer& answer) override {
    WriteSetResponse(answer.result, Take(SetResponseBytes(answer.result)));
  }
};

// Writes a DeleteResponse.
class WireDeleteReply : public WireReply<DeleteReply> {
 public:
  using WireReply::WireReply;
  virtual ~WireDeleteReply() = default;

  void Complete(const DeleteAnswer& answer) override {
    WriteDeleteResponse(answer, Take(DeleteResponseBytes(answer)));
  }
};

// Writes a TouchResponse.
class WireTouchReply final : public WireReply<TouchReply> {
 public:
  using WireReply::WireReply;

  void Complete(const TouchAnswer& answer) override {
    WriteTouchResponse(answer, Take(TouchResponseBytes(answer)));
  }
};

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_WIRE_REPLIES_H_
