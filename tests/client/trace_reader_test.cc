#include "client/measure/trace_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lzma.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <thread>
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
    return ReadAllOf(Write(bytes), status);
  }

  static std::vector<std::string> ReadAllOf(const std::string& path, absl::Status& status) {
    std::vector<std::string> lines;
    absl::StatusOr<std::unique_ptr<TraceReader>> reader = TraceReader::Open(path);
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
  const absl::Status folder = TraceReader::Open(testing::TempDir()).status();
  EXPECT_EQ(folder.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(folder.message()), testing::HasSubstr("Is a directory"));
}

TEST_F(TraceReaderTest, AByteOrderMarkBelongsToNoKey) {
  const std::string text =
      "\xef\xbb\xbf"
      "a,1\n\xef\xbb\xbf"
      "b\n";
  for (const std::string& bytes : {text, Pack(text)}) {
    absl::Status status;
    EXPECT_THAT(ReadAll(bytes, status), testing::ElementsAre("a,1",
                                                             "\xef\xbb\xbf"
                                                             "b"));
    EXPECT_TRUE(status.ok()) << status;
  }
  absl::Status status;
  EXPECT_THAT(ReadAll("\xef\xbb\xbf", status), testing::IsEmpty());
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(TraceReaderTest, RefusesWhatIsNoTextAndSaysWhatItIs) {
  using namespace std::string_literals;
  const std::pair<std::string, const char*> kForeign[] = {
      {"\x1f\x8b\x08\0\0\0\0\0"s, "is a gzip file"},
      {"\x28\xb5\x2f\xfd\x04"s, "is a zstd file"},
      {"BZh11AY&SY\0"s, "is a bzip2 file"},
      {"\xff\xfe"
       "a\0\n\0"s,
       "is text in UTF-16"},
      {"\x7f"
       "ELF\x02\x01\x01\0\0"s,
       ":1: byte 0x02 is no text"},
      {"a\nb\0\nc\n"s, ":2: byte 0x00 is no text"},
      {std::string(1 << 20, '\0'), ":1: byte 0x00 is no text"},
      {Pack("\x1f\x8b\x08"), ":1: byte 0x1f is no text"},
  };
  for (const auto& [bytes, said] : kForeign) {
    absl::Status status;
    EXPECT_LE(ReadAll(bytes, status).size(), 1u) << said;
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << said << ": " << status;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(said));
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("plain or packed by xz"));
  }
}

TEST_F(TraceReaderTest, TextMayBeOfAnyEncodingAndBeginLikeAMagic) {
  absl::Status status;
  EXPECT_THAT(ReadAll("BZh\nPK\ncaf\xe9\na\tb\n(\n", status),
              testing::ElementsAre("BZh", "PK", "caf\xe9", "a\tb", "("));
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(ReadAll("BZ", status), testing::ElementsAre("BZ"));
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(TraceReaderTest, ProgressGoesFromNothingToAll) {
  absl::StatusOr<std::unique_ptr<TraceReader>> reader = TraceReader::Open(Write(ManyLines(100000)));
  ASSERT_TRUE(reader.ok());
  TraceRequest request;
  EXPECT_LT(*(*reader)->Progress(), 0.5);
  while (*(*reader)->Next(request)) {
  }
  EXPECT_EQ((*reader)->Progress(), 1);
}

// A pipe that has a name, and what a thread writes into it.
class TracePipeTest : public TraceReaderTest {
 protected:
  TracePipeTest() { EXPECT_EQ(pipe(ends_), 0); }
  ~TracePipeTest() override {
    if (writer_.joinable()) writer_.join();
    CloseWriter();
    close(ends_[0]);
  }

  std::string path() const { return absl::StrCat("/dev/fd/", ends_[0]); }

  void Send(const std::string& bytes) const {
    for (size_t done = 0; done < bytes.size();) {
      const ssize_t count = write(ends_[1], bytes.data() + done, bytes.size() - done);
      ASSERT_GT(count, 0);
      done += static_cast<size_t>(count);
    }
  }

  void SendAllByThread(const std::string& bytes) {
    writer_ = std::thread([this, bytes] {
      Send(bytes);
      CloseWriter();
    });
  }

  void CloseWriter() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

  std::string NextKey(TraceReader& reader) {
    TraceRequest request;
    const absl::StatusOr<bool> found = reader.Next(request);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() && *found ? request.key : "none";
  }

  int ends_[2] = {-1, -1};
  std::thread writer_;
};

TEST_F(TracePipeTest, IsReadWhole) {
  const std::string text = ManyLines(200000);
  absl::Status status;
  const std::vector<std::string> lines = ReadAll(text, status);
  SendAllByThread(text);
  EXPECT_EQ(ReadAllOf(path(), status), lines);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(TracePipeTest, IsUnpacked) {
  const std::string text = ManyLines(200000);
  absl::Status status;
  const std::vector<std::string> lines = ReadAll(text, status);
  SendAllByThread(Pack(text));
  EXPECT_EQ(ReadAllOf(path(), status), lines);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(TracePipeTest, GivesEachLineWhenItIsThere) {
  Send("a\nb");
  absl::StatusOr<std::unique_ptr<TraceReader>> reader = TraceReader::Open(path());
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_TRUE((*reader)->Wait(absl::ZeroDuration()));
  EXPECT_EQ(NextKey(**reader), "a");
  EXPECT_FALSE((*reader)->Wait(absl::ZeroDuration())) << "half a line";
  EXPECT_EQ((*reader)->Progress(), std::nullopt);
  Send("c\nd");
  EXPECT_TRUE((*reader)->Wait(absl::ZeroDuration()));
  EXPECT_EQ(NextKey(**reader), "bc");
  EXPECT_FALSE((*reader)->Wait(absl::ZeroDuration()));
  CloseWriter();
  EXPECT_TRUE((*reader)->Wait(absl::ZeroDuration()));
  EXPECT_EQ(NextKey(**reader), "d");
  EXPECT_EQ(NextKey(**reader), "none");
}

TEST_F(TracePipeTest, MayBeEmpty) {
  CloseWriter();
  absl::Status status;
  EXPECT_THAT(ReadAllOf(path(), status), testing::IsEmpty());
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(TracePipeTest, ANamedPipeIsOpenedOnce) {
  const std::string fifo = absl::StrCat(testing::TempDir(), "/trace_fifo_", getpid());
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  paths_.push_back(fifo);
  writer_ = std::thread([&fifo] { std::ofstream(fifo) << "a\nb\n"; });
  absl::Status status;
  EXPECT_THAT(ReadAllOf(fifo, status), testing::ElementsAre("a", "b"));
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace
}  // namespace larder::load
