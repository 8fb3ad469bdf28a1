// The state of a stream's end, without gRPC: what it begins, in which order, and that with many
// threads nothing is begun twice or after the end.

#include "server/bus/stream_core.h"

#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "client/channel/mutex.h"

namespace larder::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Heard final : public StreamListener<int> {
 public:
  void OnMessage(int message) override { Note("message " + std::to_string(message)); }
  void OnCanSend() override { Note("can send"); }
  void OnClosed(const absl::Status& status) override {
    Note("closed: " + std::string(status.message()));
  }
  std::vector<std::string> Take() {
    MutexLock lock(mutex_);
    return std::exchange(notes_, {});
  }

 private:
  void Note(std::string note) {
    MutexLock lock(mutex_);
    notes_.push_back(std::move(note));
  }
  Mutex mutex_;
  std::vector<std::string> notes_ ABSL_GUARDED_BY(mutex_);
};

// Writes down what it is asked to begin; what comes of it is told by the test.
class FakeStream final : public StreamCore<int, std::string> {
 public:
  using Core = StreamCore<int, std::string>;
  using Core::Broken;
  using Core::Done;
  using Core::Opened;
  using Core::ReadDone;
  using Core::Start;
  using Core::WriteDone;

  explicit FakeStream(std::shared_ptr<Listener> listener) : Core(std::move(listener)) {}

  std::string peer() const override { return "test"; }
  std::vector<std::string> Take() {
    MutexLock lock(mutex_);
    return std::exchange(begun_, {});
  }
  void set_acceptor(std::shared_ptr<Listener> listener) { accepted_ = std::move(listener); }

 private:
  void BeginOpen() override { Note("open"); }
  void BeginRead() override { Note("read"); }
  void BeginWrite() override { Note("write " + encoded_); }
  void Encode(std::string message) override { encoded_ = std::move(message); }
  void BeginEnd(StreamEnd, const absl::Status& status) override {
    Note("end: " + std::string(status.message()));
  }
  void BeginGrace() override { Note("grace"); }
  void Cancel() override { Note("cancel"); }
  absl::StatusOr<std::shared_ptr<Listener>> Accept(const int& first) override {
    if (accepted_ == nullptr) return absl::UnavailableError("not " + std::to_string(first));
    return accepted_;
  }
  void Note(std::string note) {
    MutexLock lock(mutex_);
    begun_.push_back(std::move(note));
  }

  std::string encoded_;
  std::shared_ptr<Listener> accepted_;
  Mutex mutex_;
  std::vector<std::string> begun_ ABSL_GUARDED_BY(mutex_);
};

class StreamCoreTest : public ::testing::Test {
 protected:
  // A replica's end that is open and has sent nothing.
  void OpenReplica() {
    stream_.Start();
    stream_.Opened();
    EXPECT_THAT(stream_.Take(), ElementsAre("open", "read"));
    EXPECT_THAT(heard_->Take(), ElementsAre("can send"));
  }
  bool Send(std::string message) { return stream_.Send(&message); }

  const std::shared_ptr<Heard> heard_ = std::make_shared<Heard>();
  FakeStream stream_{heard_};
};

TEST_F(StreamCoreTest, OneMessageIsReadForEachAsking) {
  OpenReplica();
  stream_.ReadDone(1);
  EXPECT_THAT(heard_->Take(), ElementsAre("message 1"));
  EXPECT_THAT(stream_.Take(), IsEmpty());
  stream_.ReadNext();
  EXPECT_THAT(stream_.Take(), ElementsAre("read"));
  // Asked for while the one before is read: it comes after that one.
  stream_.ReadNext();
  EXPECT_THAT(stream_.Take(), IsEmpty());
  stream_.ReadDone(2);
  EXPECT_THAT(stream_.Take(), ElementsAre("read"));
}

TEST_F(StreamCoreTest, TheNextMessageWaitsUntilTheListenerHasDone) {
  class Asking final : public StreamListener<int> {
   public:
    void OnMessage(int) override {
      stream->ReadNext();
      begun_within = stream->Take();
    }
    void OnCanSend() override {}
    void OnClosed(const absl::Status&) override {}
    FakeStream* stream = nullptr;
    std::vector<std::string> begun_within;
  };
  const auto asking = std::make_shared<Asking>();
  FakeStream stream(asking);
  asking->stream = &stream;
  stream.Start();
  stream.Opened();
  (void)stream.Take();
  stream.ReadDone(1);
  EXPECT_THAT(asking->begun_within, IsEmpty());
  EXPECT_THAT(stream.Take(), ElementsAre("read"));
}

TEST_F(StreamCoreTest, OneMessageIsSentAtATime) {
  stream_.Start();
  EXPECT_FALSE(Send("early"));
  stream_.Opened();
  (void)stream_.Take();
  (void)heard_->Take();
  EXPECT_TRUE(Send("a"));
  std::string second = "b";
  EXPECT_FALSE(stream_.Send(&second));
  EXPECT_EQ(second, "b");
  EXPECT_THAT(stream_.Take(), ElementsAre("write a"));
  stream_.WriteDone(true);
  EXPECT_THAT(heard_->Take(), ElementsAre("can send"));
  EXPECT_TRUE(stream_.Send(&second));
  EXPECT_THAT(stream_.Take(), ElementsAre("write b"));
}

TEST_F(StreamCoreTest, TheEndWaitsForTheMessageUnderWay) {
  OpenReplica();
  EXPECT_TRUE(Send("last"));
  stream_.Close(absl::AbortedError("enough"));
  EXPECT_FALSE(Send("late"));
  EXPECT_THAT(stream_.Take(), ElementsAre("write last", "grace"));
  stream_.WriteDone(true);
  EXPECT_THAT(stream_.Take(), ElementsAre("end: enough"));
  stream_.GraceIsOver();
  EXPECT_THAT(stream_.Take(), ElementsAre("cancel"));
  stream_.ReadDone(std::nullopt);
  EXPECT_EQ(stream_.Done(absl::UnavailableError("gone")), StreamEnd::kClosedHere);
  EXPECT_THAT(heard_->Take(), ElementsAre("closed: enough"));
  stream_.GraceIsOver();
  stream_.ReadNext();
  stream_.Close(absl::OkStatus());
  EXPECT_THAT(stream_.Take(), IsEmpty());
}

TEST_F(StreamCoreTest, WhatIsReadAfterTheEndIsNotHeard) {
  OpenReplica();
  stream_.Close(absl::AbortedError("enough"));
  EXPECT_THAT(stream_.Take(), ElementsAre("grace", "end: enough"));
  stream_.ReadDone(1);
  stream_.ReadNext();
  EXPECT_THAT(stream_.Take(), IsEmpty());
  EXPECT_THAT(heard_->Take(), IsEmpty());
}

TEST_F(StreamCoreTest, APeersEndHasItsOwnStatus) {
  OpenReplica();
  stream_.ReadDone(std::nullopt);
  EXPECT_EQ(stream_.Done(absl::UnavailableError("gone")), StreamEnd::kByPeer);
  EXPECT_THAT(heard_->Take(), ElementsAre("closed: gone"));
}

TEST_F(StreamCoreTest, AFailedWriteIsTheEnd) {
  OpenReplica();
  EXPECT_TRUE(Send("a"));
  (void)stream_.Take();
  stream_.WriteDone(false);
  EXPECT_THAT(heard_->Take(), IsEmpty());
  EXPECT_THAT(stream_.Take(), ElementsAre("grace", "end: the other side has ended the stream"));
}

TEST_F(StreamCoreTest, ABrokenStreamWaitsForItsWrite) {
  OpenReplica();
  EXPECT_TRUE(Send("a"));
  stream_.Broken();
  EXPECT_THAT(stream_.Take(), ElementsAre("write a", "grace"));
  stream_.WriteDone(false);
  EXPECT_THAT(stream_.Take(), ElementsAre("end: the other side has ended the stream"));
}

TEST_F(StreamCoreTest, AMessageThatCanNotBeIsTheEnd) {
  OpenReplica();
  stream_.ReadDone(absl::InvalidArgumentError("nonsense"));
  EXPECT_THAT(stream_.Take(), ElementsAre("grace", "end: nonsense"));
  EXPECT_EQ(stream_.Done(absl::CancelledError("cancelled")), StreamEnd::kBadMessage);
  EXPECT_THAT(heard_->Take(), ElementsAre("closed: nonsense"));
}

TEST_F(StreamCoreTest, OnlyAStreamThatIsNotOpenIsEndedByItsTime) {
  OpenReplica();
  stream_.NotOpenedInTime(absl::DeadlineExceededError("late"));
  EXPECT_THAT(stream_.Take(), IsEmpty());
  FakeStream slow(heard_);
  slow.Start();
  slow.NotOpenedInTime(absl::DeadlineExceededError("late"));
  EXPECT_THAT(slow.Take(), ElementsAre("open", "read", "grace", "end: late"));
  EXPECT_EQ(slow.Done(absl::CancelledError("cancelled")), StreamEnd::kNotOpened);
  EXPECT_THAT(heard_->Take(), ElementsAre("closed: late"));
}

TEST_F(StreamCoreTest, AStreamThatIsClosedBeforeItStartsBeginsNothing) {
  stream_.Close(absl::AbortedError("enough"));
  stream_.Start();
  EXPECT_THAT(stream_.Take(), ElementsAre("grace", "end: enough"));
}

TEST_F(StreamCoreTest, TheFirstMessageDecidesWhoHears) {
  FakeStream stream(nullptr);
  stream.set_acceptor(heard_);
  stream.Start();
  EXPECT_THAT(stream.Take(), ElementsAre("open", "read"));
  std::string early = "early";
  EXPECT_FALSE(stream.Send(&early));
  stream.ReadDone(7);
  EXPECT_THAT(heard_->Take(), ElementsAre("message 7", "can send"));
  FakeStream refused(nullptr);
  refused.Start();
  refused.ReadDone(7);
  EXPECT_THAT(refused.Take(), ElementsAre("open", "read", "grace", "end: not 7"));
  EXPECT_EQ(refused.Done(absl::CancelledError("")), StreamEnd::kBadMessage);
  EXPECT_THAT(heard_->Take(), IsEmpty());
}

// Reads, writes, closes and cancels from a thread each, as gRPC and a node do.
TEST(StreamCoreThreadsTest, NothingIsBegunTwiceOrAfterTheEnd) {
  for (int round = 0; round < 200; ++round) {
    const auto heard = std::make_shared<Heard>();
    FakeStream stream(heard);
    stream.Start();
    stream.Opened();
    std::atomic<bool> is_over{false};
    std::thread writer([&] {
      while (!is_over.load()) {
        std::string message = "m";
        if (stream.Send(&message)) stream.WriteDone(true);
      }
    });
    std::thread reader([&] {
      stream.ReadDone(0);
      for (int i = 1; i < 50; ++i) {
        stream.ReadNext();
        stream.ReadDone(i);
      }
      stream.Close(absl::OkStatus());
    });
    std::thread breaker([&] {
      if (round % 2 == 0) stream.Broken();
      stream.GraceIsOver();
    });
    reader.join();
    breaker.join();
    is_over.store(true);
    writer.join();
    (void)stream.Done(absl::OkStatus());
    int ends = 0;
    for (const std::string& begun : stream.Take()) {
      EXPECT_TRUE(ends == 0 || begun == "cancel") << begun << " after the end";
      if (begun.starts_with("end: ")) ++ends;
    }
    EXPECT_EQ(ends, 1);
    EXPECT_TRUE(heard->Take().back().starts_with("closed: "));
  }
}

}  // namespace
}  // namespace larder::server
