#include "server/reflection/descriptor_index.h"

#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <set>

#include "larder/v1/cache.pb.h"

namespace larder::server {
namespace {

std::set<std::string> NamesOf(const DescriptorIndex::Files& files) {
  std::set<std::string> names;
  for (const std::string& bytes : files) {
    google::protobuf::FileDescriptorProto file;
    EXPECT_TRUE(file.ParseFromString(bytes));
    names.insert(file.name());
  }
  EXPECT_EQ(names.size(), files.size());
  return names;
}

class DescriptorIndexTest : public testing::Test {
 protected:
  // Links the file's descriptor into the program.
  const v1::GetRequest request_;
  const DescriptorIndex index_{{"larder.v1.Cache"}};
};

TEST_F(DescriptorIndexTest, GivesAFileWithAllItImports) {
  const std::set<std::string> expected = {
      "larder/v1/cache.proto", "larder/v1/error.proto", "google/protobuf/any.proto",
      "google/protobuf/duration.proto", "google/protobuf/timestamp.proto"};
  EXPECT_EQ(NamesOf(index_.FileByName("larder/v1/cache.proto").value()), expected);
  EXPECT_EQ(NamesOf(index_.FileContainingSymbol("larder.v1.Cache").value()), expected);
  EXPECT_EQ(NamesOf(index_.FileContainingSymbol("larder.v1.Cache.Get").value()), expected);
}

TEST_F(DescriptorIndexTest, TheFileAskedForComesFirst) {
  const auto files = index_.FileContainingSymbol("larder.v1.GetRequest").value();
  google::protobuf::FileDescriptorProto file;
  ASSERT_TRUE(file.ParseFromString(files[0]));
  EXPECT_EQ(file.name(), "larder/v1/cache.proto");
}

TEST_F(DescriptorIndexTest, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(index_.FileByName("no.proto").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(index_.FileContainingSymbol("no.Symbol").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(index_.FileContainingExtension("larder.v1.GetRequest", 5).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(index_.FileContainingExtension("no.Message", 5).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(index_.ExtensionNumbers("no.Message").status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(index_.ExtensionNumbers("larder.v1.GetRequest").value().empty());
}

}  // namespace
}  // namespace larder::server
