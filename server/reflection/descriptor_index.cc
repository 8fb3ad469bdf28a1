#include "server/reflection/descriptor_index.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <unordered_set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace larder::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

const DescriptorPool& Pool() { return *DescriptorPool::generated_pool(); }

absl::StatusOr<DescriptorIndex::Files> WithImports(const FileDescriptor* file,
                                                   std::string_view wanted) {
  if (file == nullptr) return absl::NotFoundError(absl::StrCat("no ", std::string(wanted)));
  DescriptorIndex::Files files;
  std::unordered_set<const FileDescriptor*> seen = {file};
  std::vector<const FileDescriptor*> queue = {file};
  for (size_t i = 0; i < queue.size(); ++i) {
    google::protobuf::FileDescriptorProto proto;
    queue[i]->CopyTo(&proto);
    files.push_back(proto.SerializeAsString());
    for (int j = 0; j < queue[i]->dependency_count(); ++j) {
      if (seen.insert(queue[i]->dependency(j)).second) queue.push_back(queue[i]->dependency(j));
    }
  }
  return files;
}

}  // namespace

DescriptorIndex::DescriptorIndex(std::vector<std::string> services)
    : services_(std::move(services)) {}

absl::StatusOr<DescriptorIndex::Files> DescriptorIndex::FileByName(std::string_view name) const {
  return WithImports(Pool().FindFileByName(std::string(name)), "such file");
}

absl::StatusOr<DescriptorIndex::Files> DescriptorIndex::FileContainingSymbol(
    std::string_view symbol) const {
  return WithImports(Pool().FindFileContainingSymbol(std::string(symbol)), "such symbol");
}

absl::StatusOr<DescriptorIndex::Files> DescriptorIndex::FileContainingExtension(
    std::string_view message, int32_t number) const {
  const Descriptor* const type = Pool().FindMessageTypeByName(std::string(message));
  if (type == nullptr) return absl::NotFoundError("no such message");
  const FieldDescriptor* const extension = Pool().FindExtensionByNumber(type, number);
  return WithImports(extension == nullptr ? nullptr : extension->file(), "such extension");
}

absl::StatusOr<std::vector<int32_t>> DescriptorIndex::ExtensionNumbers(
    std::string_view message) const {
  const Descriptor* const type = Pool().FindMessageTypeByName(std::string(message));
  if (type == nullptr) return absl::NotFoundError("no such message");
  std::vector<const FieldDescriptor*> extensions;
  Pool().FindAllExtensions(type, &extensions);
  std::vector<int32_t> numbers;
  for (const FieldDescriptor* extension : extensions) numbers.push_back(extension->number());
  return numbers;
}

}  // namespace larder::server
