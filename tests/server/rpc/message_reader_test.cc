// Bodies that are cut anywhere give the same messages, or the same error behind them; what is kept
// of them is counted and bounded.

#include "server/rpc/message_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/transport/transport_state.h"
#include "tests/gzipped.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

constexpr size_t kMessageBytesMax = 3000;
constexpr size_t kIncompleteBytesMax = 10000;

// What was read of a body, and what counted for it when its last bytes had come.
struct Reading {
  std::vector<std::string> messages;
  absl::Status error;
  size_t incomplete_bytes = 0;
  bool operator==(const Reading&) const = default;
};

class MessageReaderTest : public testing::Test {
 protected:
  MessageReaderTest() {
    reader_.Begin(&incomplete_, kMessageBytesMax);
    reader_.AllowGzip();
  }

  // Takes what is whole with these bytes. Returns false behind an error.
  bool Feed(std::string_view bytes, Reading& reading) {
    // They go when the pass is over, as the buffer of a loop does.
    const auto buffer = std::make_unique<std::string>(bytes);
    MessageReader::Pass pass(&reader_, *buffer);
    MessageReader::Found found = pass.Look();
    for (; found == MessageReader::Found::kMessage; found = pass.Look()) {
      const bool is_compressed = pass.is_compressed();
      const std::string_view message = pass.TakeMessage();
      reading.messages.push_back(is_compressed ? Inflated(message) : std::string(message));
    }
    if (found == MessageReader::Found::kInvalid) {
      reading.error = pass.error();
      reader_.Clear();
      return false;
    }
    pass.KeepRest();
    return true;
  }
  std::string Inflated(std::string_view compressed) {
    const size_t before = incomplete_.bytes();
    EXPECT_TRUE(reader_.BeginInflation(compressed).ok());
    EXPECT_GE(incomplete_.bytes(), before);
    while (reader_.InflateStep(compressed)) EXPECT_TRUE(reader_.BeginInflation(compressed).ok());
    const std::unique_ptr<GzipInflater> inflater = reader_.EndInflation();
    EXPECT_EQ(incomplete_.bytes(), before) << "it counts while it is inflated";
    EXPECT_TRUE(inflater->status().ok());
    return inflater->message();
  }
  Reading Read(std::string_view body, std::vector<size_t> cuts) {
    Reading reading;
    cuts.push_back(body.size());
    size_t at = 0;
    for (const size_t cut : cuts) {
      if (!Feed(body.substr(at, cut - at), reading)) break;
      at = cut;
    }
    reading.incomplete_bytes = incomplete_.bytes();
    reader_.Release();
    EXPECT_EQ(incomplete_.bytes(), 0u);
    return reading;
  }
  // The body gives this wherever it is cut once, and twice if it is short.
  void ExpectHoweverCut(const std::string& body, const Reading& expected) {
    EXPECT_TRUE(Read(body, {}) == expected);
    for (size_t first = 0; first <= body.size(); ++first) {
      ASSERT_TRUE(Read(body, {first}) == expected) << first;
      for (size_t second = first; second <= body.size() && body.size() <= 300; ++second) {
        ASSERT_TRUE(Read(body, {first, second}) == expected) << first << ", " << second;
      }
    }
    std::vector<size_t> every_byte;
    for (size_t at = 1; at < body.size(); ++at) every_byte.push_back(at);
    EXPECT_TRUE(Read(body, every_byte) == expected);
  }

  TransportState node_;
  IncompleteBytes incomplete_{kIncompleteBytesMax, &node_.incomplete};
  MessageReader reader_;
};

TEST_F(MessageReaderTest, ABodyGivesTheSameMessagesHoweverItIsCut) {
  const std::string large(kMessageBytesMax, 'l');
  ExpectHoweverCut("", {});
  ExpectHoweverCut(Message(""), {.messages = {""}});
  ExpectHoweverCut(Message("small") + Message("") + Message("") + Message("b"),
                   {.messages = {"small", "", "", "b"}});
  ExpectHoweverCut(Message("a") + Message(large) + Message("") + Message("b"),
                   {.messages = {"a", large, "", "b"}});
}

TEST_F(MessageReaderTest, ACompressedMessageIsToldWholeHoweverItIsCut) {
  const std::string text(2000, 'z');
  ExpectHoweverCut(Message("a") + Message(Gzipped(text), true) + Message(Gzipped(""), true),
                   {.messages = {"a", text, ""}});
}

TEST_F(MessageReaderTest, WhatIsNotWholeIsKeptAndCounted) {
  const std::string half = Message("hello").substr(0, 8);
  ExpectHoweverCut(Message("a") + half, {.messages = {"a"}, .incomplete_bytes = half.size()});
  ExpectHoweverCut(Message("a") + std::string(4, '\0'), {.messages = {"a"}, .incomplete_bytes = 4});
}

TEST_F(MessageReaderTest, AnErrorIsTheSameHoweverItIsCut) {
  const absl::Status malformed = absl::InternalError("the prefix of a message is malformed");
  ExpectHoweverCut(Message("a") + "\x02" + Message("bc").substr(1) + Message("d"),
                   {.messages = {"a"}, .error = malformed});
  ExpectHoweverCut("\xff" + BigEndian(kMessageBytesMax + 1, 4), {.error = malformed});
  const absl::Status too_large = absl::ResourceExhaustedError(
      "a message of 3001 bytes; the limit is 3000 (--max_request_bytes)");
  // It is refused by its prefix, before it comes.
  const std::string prefix = Message(std::string(kMessageBytesMax + 1, 'x')).substr(0, 5);
  ExpectHoweverCut(Message("a") + prefix, {.messages = {"a"}, .error = too_large});
  ExpectHoweverCut(Message("a") + prefix + "xxx", {.messages = {"a"}, .error = too_large});
}

TEST_F(MessageReaderTest, AWholeMessageIsAViewOfTheBytesThatCame) {
  const std::string body = Message("first") + Message("second");
  MessageReader::Pass pass(&reader_, body);
  ASSERT_EQ(pass.Look(), MessageReader::Found::kMessage);
  EXPECT_FALSE(pass.is_last());
  EXPECT_EQ(pass.TakeMessage().data(), body.data() + kMessagePrefixBytes);
  ASSERT_EQ(pass.Look(), MessageReader::Found::kMessage);
  EXPECT_TRUE(pass.is_last());
  EXPECT_EQ(pass.TakeMessage().data(), body.data() + 2 * kMessagePrefixBytes + 5);
  EXPECT_EQ(pass.Look(), MessageReader::Found::kIncomplete);
  EXPECT_FALSE(pass.owns_messages());
  pass.KeepRest();
  EXPECT_TRUE(reader_.is_empty());
}

TEST_F(MessageReaderTest, MessagesThatArePutBackComeFirst) {
  const std::string body = Message("a") + Message("b") + Message("c") + Message("d");
  // From the bytes that came, and from what was kept.
  for (const size_t cut : {size_t{0}, size_t{3}}) {
    reader_.Keep(std::string_view(body).substr(0, cut));
    {
      MessageReader::Pass pass(&reader_, std::string_view(body).substr(cut));
      std::vector<std::string_view> taken;
      for (int i = 0; i < 3; ++i) {
        ASSERT_EQ(pass.Look(), MessageReader::Found::kMessage);
        taken.push_back(pass.TakeMessage());
      }
      reader_.PutBack(absl::MakeSpan(taken).subspan(1));
      pass.KeepRest();
    }
    EXPECT_EQ(incomplete_.bytes(), 3 * (kMessagePrefixBytes + 1));
    EXPECT_TRUE(Read("", {}) == (Reading{.messages = {"b", "c", "d"}}));
  }
  // Before what the pass has kept, too.
  const std::string more = Message("e").substr(0, 3);
  const std::string_view whole("f");
  reader_.Keep(more);
  reader_.PutBack(absl::MakeSpan(&whole, 1));
  EXPECT_EQ(incomplete_.bytes(), kMessagePrefixBytes + 1 + more.size());
  EXPECT_TRUE(Read(Message("e").substr(3), {}) == (Reading{.messages = {"f", "e"}}));
}

TEST_F(MessageReaderTest, APassMayOutliveWhatItReads) {
  reader_.Keep(Message("kept").substr(0, 3));
  MessageReader::Pass pass(&reader_, Message("kept").substr(3));
  ASSERT_EQ(pass.Look(), MessageReader::Found::kMessage);
  EXPECT_TRUE(pass.owns_messages());
  const std::string_view message = pass.TakeMessage();
  reader_.Release();
  EXPECT_EQ(message, "kept");
  EXPECT_EQ(incomplete_.bytes(), 0u);
}

TEST_F(MessageReaderTest, MemoryForAMessageThatHasBegunIsBoundedByWhatCame) {
  constexpr size_t kClaimed = size_t{16} << 20;
  reader_.Begin(&incomplete_, kClaimed);
  const std::string body = Message(std::string(kClaimed, 'x'));
  for (const size_t piece : {1, 7, 100, 16384}) {
    size_t came = 0;
    for (; came < 60'000 && came / piece < 2000; came += piece) {
      Reading reading;
      ASSERT_TRUE(Feed(std::string_view(body).substr(came, piece), reading));
      EXPECT_EQ(incomplete_.bytes(), came + piece);
      // A string has room for some bytes without any memory.
      EXPECT_LE(reader_.capacity(), std::max<size_t>(4 * (came + piece), 30)) << came;
    }
    reader_.Release();
  }
  // Memory for a message that has come is taken once, and a small piece of it is used again.
  reader_.Begin(&incomplete_, kMessageBytesMax);
  reader_.Keep(std::string_view(Message(std::string(40, 'x'))).substr(0, 30));
  EXPECT_LE(reader_.capacity(), 60u);
  reader_.Release();
}

TEST_F(MessageReaderTest, AMessageOfWhichMuchHasComeMovesNoMore) {
  constexpr size_t kClaimed = size_t{16} << 20;
  reader_.Begin(&incomplete_, kClaimed);
  const std::string body = Message(std::string(kClaimed, 'x'));
  std::vector<size_t> moved;  // how much was kept
  size_t capacity = 0;
  for (size_t came = 0; came < body.size(); came += 16384) {
    reader_.Keep(std::string_view(body).substr(came, 16384));
    if (std::exchange(capacity, reader_.capacity()) != reader_.capacity()) moved.push_back(came);
  }
  EXPECT_LE(moved.back(), size_t{256} << 10);
  EXPECT_LE(reader_.capacity(), body.size() + 32);
  reader_.Release();
}

TEST_F(MessageReaderTest, WhatIsKeptIsBoundedForTheConnectionAndTheNode) {
  EXPECT_TRUE(reader_.CheckKept().ok());
  incomplete_.Add(kIncompleteBytesMax + 1);
  EXPECT_TRUE(reader_.CheckKept().ok()) << "it keeps nothing";
  reader_.Keep("x");
  EXPECT_EQ(reader_.CheckKept().code(), absl::StatusCode::kResourceExhausted);
  incomplete_.Remove(kIncompleteBytesMax + 1);
  EXPECT_TRUE(reader_.CheckKept().ok());
  ByteShare other(&node_.incomplete);
  other.Report(node_.incomplete.bytes_max());
  EXPECT_EQ(reader_.CheckKept().code(), absl::StatusCode::kResourceExhausted);
  reader_.Release();
}

TEST_F(MessageReaderTest, TheMemoryOfWhatWasRunIsNotKeptForTheLittleBehindIt) {
  reader_.Begin(&incomplete_, 1 << 20);
  const std::string large = Message(std::string(1 << 20, 'x'));
  for (const std::string& behind : {std::string(), Message("small").substr(0, 7)}) {
    Reading reading;
    ASSERT_TRUE(Feed(large.substr(0, 1000), reading));
    ASSERT_TRUE(Feed(large.substr(1000) + behind, reading));
    ASSERT_EQ(reading.messages.size(), 1u);
    EXPECT_EQ(incomplete_.bytes(), behind.size());
    EXPECT_LE(reader_.capacity(), 4096u);
    reader_.Release();
  }
  // Nor for a request that its call has kept while it ran.
  std::string buffer = large;
  EXPECT_EQ(reader_.KeepTaken(std::string_view(buffer).substr(5), &buffer), large.substr(5));
  EXPECT_EQ(incomplete_.bytes(), large.size());
  reader_.Release();
  EXPECT_EQ(incomplete_.bytes(), 0u);
  EXPECT_LE(reader_.capacity(), 4096u);
}

TEST_F(MessageReaderTest, WhatAMessageWillInflateToCountsUntilItIsEndedOrForgotten) {
  const std::string compressed = Gzipped(std::string(2500, 'z'));
  ASSERT_TRUE(reader_.BeginInflation(compressed).ok());
  EXPECT_EQ(incomplete_.bytes(), 2500u);
  reader_.Clear();
  EXPECT_EQ(incomplete_.bytes(), 0u);
  incomplete_.Add(kIncompleteBytesMax - 2000);
  EXPECT_EQ(reader_.BeginInflation(compressed).code(), absl::StatusCode::kResourceExhausted);
  reader_.Clear();
  incomplete_.Remove(kIncompleteBytesMax - 2000);
  // One that ends badly gives back as much.
  std::string damaged = compressed;
  damaged[damaged.size() / 2] ^= 0x55;
  ASSERT_TRUE(reader_.BeginInflation(damaged).ok());
  while (reader_.InflateStep(damaged)) continue;
  EXPECT_EQ(reader_.EndInflation()->status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(incomplete_.bytes(), 0u);
  EXPECT_EQ(reader_.BeginInflation(Gzipped(std::string(kMessageBytesMax + 1, 'z'))).code(),
            absl::StatusCode::kOk);
  EXPECT_FALSE(reader_.InflateStep(compressed));
  EXPECT_EQ(reader_.EndInflation()->status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace larder::server
