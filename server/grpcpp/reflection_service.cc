#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "server/grpcpp/services.h"
#include "server/grpcpp/status_conversion.h"
#include "server/grpcpp/stream_registry.h"
#include "storage/mutex.h"

namespace larder::server {
namespace {

// Answers one request of either version of the protocol, whose messages have the same fields.
template <typename Request, typename Response>
void Answer(const DescriptorIndex& index, const Request& request, Response* response) {
  response->set_valid_host(request.host());
  *response->mutable_original_request() = request;
  absl::StatusOr<DescriptorIndex::Files> files;
  switch (request.message_request_case()) {
    case Request::kListServices:
      for (const std::string& service : index.services()) {
        response->mutable_list_services_response()->add_service()->set_name(service);
      }
      return;
    case Request::kFileByFilename:
      files = index.FileByName(request.file_by_filename());
      break;
    case Request::kFileContainingSymbol:
      files = index.FileContainingSymbol(request.file_containing_symbol());
      break;
    case Request::kFileContainingExtension:
      files = index.FileContainingExtension(request.file_containing_extension().containing_type(),
                                            request.file_containing_extension().extension_number());
      break;
    case Request::kAllExtensionNumbersOfType: {
      const auto numbers = index.ExtensionNumbers(request.all_extension_numbers_of_type());
      if (numbers.ok()) {
        auto* const found = response->mutable_all_extension_numbers_response();
        found->set_base_type_name(request.all_extension_numbers_of_type());
        for (const int32_t number : *numbers) found->add_extension_number(number);
        return;
      }
      files = numbers.status();
      break;
    }
    case Request::MESSAGE_REQUEST_NOT_SET:
      files = absl::InvalidArgumentError("message_request is missing");
      break;
  }
  if (!files.ok()) {
    response->mutable_error_response()->set_error_code(static_cast<int>(files.status().code()));
    response->mutable_error_response()->set_error_message(std::string(files.status().message()));
    return;
  }
  for (std::string& file : *files) {
    response->mutable_file_descriptor_response()->add_file_descriptor_proto(std::move(file));
  }
}

// Reads a request, answers it, reads the next. Deletes itself.
template <typename Request, typename Response>
class ReflectionStream final : public grpc::ServerBidiReactor<Request, Response>,
                               private DrainableStream {
 public:
  ReflectionStream(StreamRegistry* streams, const DescriptorIndex* index)
      : streams_(streams), index_(index) {}

  void Begin() {
    this->StartRead(&request_);
    streams_->Add(this);
  }

  void OnReadDone(bool ok) override {
    storage::MutexLock lock(mutex_);
    if (is_finished_) return;
    if (!ok) return End(absl::OkStatus());
    response_.Clear();
    Answer(*index_, request_, &response_);
    is_writing_ = true;
    this->StartWrite(&response_);
  }

  void OnWriteDone(bool ok) override {
    storage::MutexLock lock(mutex_);
    is_writing_ = false;
    if (!ok || is_draining_) return End(absl::UnavailableError(kShuttingDown));
    this->StartRead(&request_);
  }

  void OnDone() override {
    streams_->Remove(this);
    delete this;
  }

 private:
  void BeginDrain() override {
    storage::MutexLock lock(mutex_);
    is_draining_ = true;
    if (!is_writing_ && !is_finished_) End(absl::UnavailableError(kShuttingDown));
  }

  void End(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    is_finished_ = true;
    this->Finish(ToGrpcStatus(status));
  }

  StreamRegistry* const streams_;
  const DescriptorIndex* const index_;
  storage::Mutex mutex_;
  Request request_;
  Response response_;
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;
};

template <typename Base, typename Request, typename Response>
class ReflectionService final : public Base {
 public:
  ReflectionService(const ServiceParts& parts, const DescriptorIndex* index)
      : parts_(parts), index_(index) {}

  grpc::ServerBidiReactor<Request, Response>* ServerReflectionInfo(
      grpc::CallbackServerContext*) override {
    auto* const stream = new ReflectionStream<Request, Response>(parts_.streams, index_);
    stream->Begin();
    return stream;
  }

 private:
  const ServiceParts parts_;
  const DescriptorIndex* const index_;
};

}  // namespace

std::unique_ptr<grpc::Service> CreateReflectionV1Service(const ServiceParts& parts,
                                                         const DescriptorIndex* index) {
  namespace reflection = grpc::reflection::v1;
  return std::make_unique<
      ReflectionService<reflection::ServerReflection::CallbackService,
                        reflection::ServerReflectionRequest, reflection::ServerReflectionResponse>>(
      parts, index);
}

std::unique_ptr<grpc::Service> CreateReflectionV1AlphaService(const ServiceParts& parts,
                                                              const DescriptorIndex* index) {
  namespace reflection = grpc::reflection::v1alpha;
  return std::make_unique<
      ReflectionService<reflection::ServerReflection::CallbackService,
                        reflection::ServerReflectionRequest, reflection::ServerReflectionResponse>>(
      parts, index);
}

}  // namespace larder::server
