#ifndef LARDER_SERVER_REFLECTION_REFLECTION_ANSWER_H_
#define LARDER_SERVER_REFLECTION_REFLECTION_ANSWER_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/reflection/descriptor_index.h"

namespace larder::server {

// Answers one request of either version of grpc.reflection, whose messages have the same fields.
template <typename Request, typename Response>
void AnswerReflection(const DescriptorIndex& index, const Request& request, Response* response) {
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

}  // namespace larder::server

#endif  // LARDER_SERVER_REFLECTION_REFLECTION_ANSWER_H_
