#include "client/measure/trace_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lzma.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"

namespace larder::load {
namespace {

std::string Pack(const std::string& text) {
  std::string packed(text.size() + 4096, '\0');
  size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(
                1, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const uint8_t*>(text.data()),
                text.size(), reinterpret_cast<uint8_t*>(packed.data()), &size, packed.size()),
            LZMA_OK);
  packed.resize(size);
  return packed;
}

class TraceReaderTest : public testing::Test {
 protected:
  std::string Write(const std::string& bytes) {
    const std::string path =
        absl::StrCat(testing::TempDir(), "/trace_",
                     testing::UnitTest::GetInstance()->current_test_info()->name(), "_", getpid());
    std::ofstream(path, std::ios::binary) << bytes;
    paths_.push_back(path);
    return path;
  }

  // All requests as "key" or "key,bytes", and how it ended.
  std::vector<std::string> ReadAll(const std::string& bytes, absl::Status& status) {
    std::vector<std::string> lines;
    absl::StatusOr<std::unique_ptr<TraceReader>> reader = TraceReader::Open(Write(bytes));
    status = reader.status();
    if (!status.ok()) return lines;
    TraceRequest request;
    while (true) {
      const absl::StatusOr<bool> found = (*reader)->Next(request);
      status = found.status();
      if (!found.ok() || !*found) return lines;
      lines.push_back(request.value_bytes ? absl::StrCat(request.key, ",", *request.value_bytes)
                                          : request.key);
    }
  }

  ~TraceReaderTest() override {
    for (const std::string& path : paths_) std::remove(path.c_str());
  }

  std::vector<std::string> paths_;
};

std::string ManyLines(int lines) {
  std::string text;
  for (int i = 0; i < lines; ++i) absl::StrAppend(&text, i % 7919, ",", i % 100, "\n");
  return text;
}

TEST_F(TraceReaderTest, ReadsKeysWithAndWithoutSizes) {
  absl::Status status;
  EXPECT_THAT(ReadAll("a\nb,12\r\n\nlong key,0\nlast", status),
              testing::ElementsAre("a", "b,12", "long key,0", "last"));
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(TraceReaderTest, AnEmptyFileIsAnEmptyTrace) {
  absl::Status status;
  EXPECT_THAT(ReadAll("", status), testing::IsEmpty());
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(ReadAll(Pack(""), status), testing::IsEmpty());
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(TraceReaderTest, UnpacksXzAcrossManyChunks) {
  const std::string text = ManyLines(200000);
  absl::Status plain_status;
  absl::Status packed_status;
  const std::vector<std::string> plain = ReadAll(text, plain_status);
  EXPECT_EQ(plain.size(), 200000u);
  EXPECT_EQ(ReadAll(Pack(text), packed_status), plain);
  EXPECT_TRUE(plain_status.ok()) << plain_status;
  EXPECT_TRUE(packed_status.ok()) << packed_status;
}

TEST_F(TraceReaderTest, ReadsXzStreamsThatWerePutTogether) {
  absl::Status status;
  EXPECT_THAT(ReadAll(Pack("a\nb\n") + Pack("c\n"), status), testing::ElementsAre("a", "b", "c"));
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(TraceReaderTest, NamesABrokenLine) {
  for (const char* line : {"x,", "x,abc", "x,-1", "x,1,2", ",5", "x,4294967296", "x,1073741825"}) {
    absl::Status status;
    EXPECT_THAT(ReadAll(absl::StrCat("ok\n", line, "\nnever\n"), status),
                testing::ElementsAre("ok"))
        << line;
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << line;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(":2: ")) << line;
  }
}

TEST_F(TraceReaderTest, RefusesALineWithoutEnd) {
  absl::Status status;
  ReadAll(std::string(1 << 20, 'x'), status);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(TraceReaderTest, ACutOrDamagedXzStreamIsDataLoss) {
  const std::string packed = Pack(ManyLines(50000));
  for (const size_t size : {packed.size() - 1, packed.size() / 2, size_t{7}}) {
    absl::Status status;
    EXPECT_LT(ReadAll(packed.substr(0, size), status).size(), 50001u);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << size << ": " << status;
  }
  std::string damaged = packed;
  damaged[damaged.size() / 2] ^= 0x10;
  absl::Status status;
  ReadAll(damaged, status);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
}

TEST_F(TraceReaderTest, AnErrorStays) {
  absl::StatusOr<std::unique_ptr<TraceReader>> reader = TraceReader::Open(Write("x,\nok\n"));
  ASSERT_TRUE(reader.ok());
  TraceRequest request;
  EXPECT_FALSE((*reader)->Next(request).ok());
  EXPECT_FALSE((*reader)->Next(request).ok());
}

TEST_F(TraceReaderTest, SaysWhatItCannotOpen) {
  EXPECT_EQ(TraceReader::Open("/no/such/file").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(TraceReader::Open(testing::TempDir()).status().code(), absl::StatusCode::kInternal);
}

TEST_F(TraceReaderTest, ProgressGoesFromNothingToAll) {
  absl::StatusOr<std::unique_ptr<TraceReader>> reader = TraceReader::Open(Write(ManyLines(100000)));
  ASSERT_TRUE(reader.ok());
  TraceRequest request;
  EXPECT_LT((*reader)->Progress(), 0.5);
  while (*(*reader)->Next(request)) {
  }
  EXPECT_EQ((*reader)->Progress(), 1);
}

}  // namespace
}  // namespace larder::load
