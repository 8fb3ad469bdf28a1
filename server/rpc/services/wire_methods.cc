#include "server/rpc/services/wire_methods.h"

#include <algorithm>
#include <string>
#include <vector>

#include "proto/wire/wire_writer.h"
#include "server/handlers/request_checks.h"
#include "server/rpc/services/cache_answers.h"
#include "server/rpc/services/cache_requests.h"
#include "server/rpc/services/message_method.h"

namespace larder::server {
namespace {

// Where the message of an answer goes, once its size is known.
class AnswerPlace {
 public:
  virtual char* Take(size_t bytes) = 0;

 protected:
  ~AnswerPlace() = default;
};

// It is the whole answer.
class UnaryPlace final : public AnswerPlace {
 public:
  explicit UnaryPlace(RpcCall* call) : call_(call) {}
  char* Take(size_t bytes) override { return call_->OpenMessage(bytes).Extend(bytes); }

 private:
  RpcCall* const call_;
};

// It is a field of a PipelineResponse.
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

// It is one of the `results` of a multi-key answer.
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

// A reply that writes to a place, and keeps the status until the answer is to be sent.
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

// REQUIRES: no return_previous.
class WireSetReply final : public WireReply<SetReply> {
 public:
  using WireReply::WireReply;

  char* Reserve(const storage::EntryInfo&, size_t) override { return nullptr; }
  void Complete(const SetAnswer& answer) override {
    WriteSetResponse(answer.result, Take(SetResponseBytes(answer.result)));
  }
};

class WireDeleteReply final : public WireReply<DeleteReply> {
 public:
  using WireReply::WireReply;

  void Complete(const DeleteAnswer& answer) override {
    WriteDeleteResponse(answer, Take(DeleteResponseBytes(answer)));
  }
};

// One of the three: its request's view, how that is read, its reply, and the handler's method.
struct GetOperation {
  using Request = v1::GetRequest;
  using View = GetView;
  using Reply = WireGetReply;
  static constexpr Method kMethod = Method::kGet;
  static constexpr uint32_t kAnswerField = 3;  // of PipelineResponse
  static bool Read(std::string_view bytes, View& view) { return ReadGetRequest(bytes, view); }
  static bool IsFor(const View&) { return true; }
  static void Run(CacheHandler& cache, const View& view, Reply& reply) { cache.Get(view, reply); }
};
struct SetOperation {
  using Request = v1::SetRequest;
  using View = SetView;
  using Reply = WireSetReply;
  static constexpr Method kMethod = Method::kSet;
  static constexpr uint32_t kAnswerField = 4;
  static bool Read(std::string_view bytes, View& view) { return ReadSetRequest(bytes, view); }
  // The entry that was there comes before the outcome is known.
  static bool IsFor(const View& view) { return !view.return_previous; }
  static void Run(CacheHandler& cache, const View& view, Reply& reply) { cache.Set(view, reply); }
};
struct DeleteOperation {
  using Request = v1::DeleteRequest;
  using View = DeleteView;
  using Reply = WireDeleteReply;
  static constexpr Method kMethod = Method::kDelete;
  static constexpr uint32_t kAnswerField = 5;
  static bool Read(std::string_view bytes, View& view) { return ReadDeleteRequest(bytes, view); }
  static bool IsFor(const View&) { return true; }
  static void Run(CacheHandler& cache, const View& view, Reply& reply) {
    cache.Delete(view, reply);
  }
};

template <typename Op>
class WireMethod final : public UnaryMethod {
 public:
  explicit WireMethod(const ServiceParts& parts) : parts_(parts), by_messages_(parts) {}

  void Run(std::string_view bytes, RpcCall& call) override {
    typename Op::View view;
    const bool is_readable = Op::Read(bytes, view);
    if (is_readable && !Op::IsFor(view)) return by_messages_.Run(bytes, call);
    CountedRequest counted(parts_, Op::kMethod, call);
    if (!counted.admitted().ok()) return counted.Finish(counted.admitted(), call);
    if (!is_readable) return counted.Finish(UnreadableStatus(MethodName(Op::kMethod)), call);
    UnaryPlace place(&call);
    typename Op::Reply reply(&place);
    Op::Run(*parts_.cache, view, reply);
    if (reply.status().ok()) call.CloseMessage();
    counted.Finish(reply.status(), call);
  }

 private:
  const ServiceParts parts_;
  MessageMethod<typename Op::Request> by_messages_;
};

// An error is the `error` of the answer, and no error of the call.
void SendPipelineError(uint64_t id, const absl::Status& status, RpcCall& call) {
  v1::PipelineResponse response;
  response.set_id(id);
  FillItemError(status, response.mutable_error());
  SendMessage(response, call);
}

template <typename Op>
std::optional<PipelineOutcome> RunInPipeline(const ServiceParts& parts, absl::Status status,
                                             const PipelineView& operation, RpcCall& call) {
  typename Op::View view;
  if (!Op::Read(operation.request, view) || !Op::IsFor(view)) return std::nullopt;
  if (status.ok()) {
    PipelinePlace place(&call, operation.id, Op::kAnswerField);
    typename Op::Reply reply(&place);
    Op::Run(*parts.cache, view, reply);
    status = reply.status();
    if (status.ok()) call.CloseMessage();
  }
  if (!status.ok()) SendPipelineError(operation.id, status, call);
  return PipelineOutcome{Op::kMethod, status.code()};
}

// Each item is written behind the one before.
class WireMultiGetReply final : public MultiGetReply {
 public:
  explicit WireMultiGetReply(OutputBuffer* output) : place_(output), item_(&place_) {}

  GetReply& Item(size_t) override { return item_; }
  void Complete() override {}
  void Fail(const absl::Status& status) override { status_ = status; }
  const absl::Status& status() const { return status_; }

 private:
  // Used for one item after the other; an error is written, too.
  class ItemReply final : public WireGetReply {
   public:
    explicit ItemReply(ResultPlace* place) : WireGetReply(place), place_(place) {}
    void Fail(const absl::Status& status) override {
      v1::ItemError error;
      FillItemError(status, &error);
      const size_t bytes = error.ByteSizeLong();
      error.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(place_->TakeError(bytes)));
    }

   private:
    ResultPlace* const place_;
  };

  ResultPlace place_;
  ItemReply item_;
  absl::Status status_;
};

class MultiGetMethod final : public UnaryMethod {
 public:
  explicit MultiGetMethod(const ServiceParts& parts) : parts_(parts) {}

  void Run(std::string_view bytes, RpcCall& call) override {
    // About what it takes for small values; more of them wait for their turn.
    constexpr size_t kBytesForAnItem = 128;
    CountedRequest counted(parts_, Method::kMultiGet, call);
    if (!counted.admitted().ok()) return counted.Finish(counted.admitted(), call);
    const Limits& limits = parts_.cache->limits();
    std::vector<GetView> views;
    size_t items = 0;
    if (!ReadMultiGetRequest(bytes, limits.max_multi_items, views, items)) {
      return counted.Finish(UnreadableStatus(MethodName(Method::kMultiGet)), call);
    }
    const absl::Status checked = CheckItems(MethodName(Method::kMultiGet), items, limits);
    if (!checked.ok()) return counted.Finish(checked, call);
    std::vector<std::string_view> keys;
    keys.reserve(views.size());
    for (const GetView& view : views) keys.push_back(view.key);
    parts_.cache->Prefetch(keys);
    WireMultiGetReply reply(&call.OpenMessage(items * kBytesForAnItem));
    parts_.multi_key->MultiGet(views, reply);
    if (reply.status().ok()) call.CloseMessage();
    counted.Finish(reply.status(), call);
  }

 private:
  const ServiceParts parts_;
};

}  // namespace

std::unique_ptr<UnaryMethod> CreateGetMethod(const ServiceParts& parts) {
  return std::make_unique<WireMethod<GetOperation>>(parts);
}

std::unique_ptr<UnaryMethod> CreateSetMethod(const ServiceParts& parts) {
  return std::make_unique<WireMethod<SetOperation>>(parts);
}

std::unique_ptr<UnaryMethod> CreateDeleteMethod(const ServiceParts& parts) {
  return std::make_unique<WireMethod<DeleteOperation>>(parts);
}

std::unique_ptr<UnaryMethod> CreateMultiGetMethod(const ServiceParts& parts) {
  return std::make_unique<MultiGetMethod>(parts);
}

std::optional<PipelineOutcome> RunPipelineOperation(const ServiceParts& parts,
                                                    const absl::Status& admitted,
                                                    const PipelineView& operation, RpcCall& call) {
  switch (operation.operation) {
    case v1::PipelineRequest::kGet:
      return RunInPipeline<GetOperation>(parts, admitted, operation, call);
    case v1::PipelineRequest::kSet:
      return RunInPipeline<SetOperation>(parts, admitted, operation, call);
    case v1::PipelineRequest::kDelete:
      return RunInPipeline<DeleteOperation>(parts, admitted, operation, call);
    default:
      return std::nullopt;
  }
}

}  // namespace larder::server
