#include <gtest/gtest.h>

#include <random>

#include "client/codec.h"
#include "client/hot_answers.h"
#include "client/hot_requests.h"
#include "client/messages.h"

namespace larder {
namespace {

struct TestCall final : ChannelCall {
  void OnDone() override {}
};

// What the hand-written code makes of it is what protobuf makes of it.
template <typename Message>
void ExpectWrites(const ChannelCall& call, const Message& message) {
  EXPECT_EQ(call.request_message(), message.SerializeAsString());
}

std::vector<std::string> Texts() {
  return {"",
          "k",
          std::string("\0\xff", 2),
          std::string(127, 'x'),
          std::string(128, 'y'),
          std::string(100000, 'z')};
}

TEST(HotRequestsTest, AreWhatProtobufWrites) {
  TestCall call;
  for (const std::string& key : Texts()) {
    for (const GetOptions& options : {GetOptions{}, GetOptions{.max_staleness = absl::Seconds(3)},
                                      GetOptions{.min_position = Position{1, {2, 3, "node"}, 4}}}) {
      WriteGetRequest(key, options, call);
      ExpectWrites(call, ToProto(key, options));
    }
    for (const DeleteOptions& options :
         {DeleteOptions{}, DeleteOptions{.if_version = 0}, DeleteOptions{.if_version = 1ull << 60},
          DeleteOptions{.serve_stale_for = absl::Seconds(1)}}) {
      WriteDeleteRequest(key, options, call);
      ExpectWrites(call, ToProto(key, options));
    }
    for (const std::string& value : Texts()) {
      for (const absl::Duration ttl : {absl::ZeroDuration(), absl::Seconds(1), absl::Nanoseconds(1),
                                       absl::Seconds(-1.5), absl::InfiniteDuration()}) {
        const SetOptions options = {.ttl = ttl, .flags = 0xffffffff};
        WriteSetRequest(key, value, options, call);
        ExpectWrites(call, ToProto(key, value, options));
      }
    }
    for (SetOptions options :
         {SetOptions{}, SetOptions{.keep_ttl = true},
          SetOptions{.condition = Condition::IfVersion(7)},
          SetOptions{.condition = Condition::LeaseToken("t")},
          SetOptions{.ack = {.level = Ack::Level::kDisk}}, SetOptions{.return_previous = true}}) {
      WriteSetRequest(key, "v", options, call);
      ExpectWrites(call, ToProto(key, "v", options));
    }
  }
  WriteMultiGetRequest(Texts(), {5, 0, 3}, call);
  ExpectWrites(call, ToProto({Texts()[5], Texts()[0], Texts()[3]}));
}

bool operator==(const GetResult& a, const GetResult& b) {
  return a.found == b.found && a.value == b.value && a.version == b.version &&
         a.expires_at == b.expires_at && a.flags == b.flags && a.stale == b.stale;
}

bool operator==(const SetResult& a, const SetResult& b) {
  return a.stored == b.stored && a.reason == b.reason && a.version == b.version &&
         a.position.has_value() == b.position.has_value() &&
         (!a.position || a.position->sequence == b.position->sequence) &&
         a.previous.has_value() == b.previous.has_value() &&
         (!a.previous || a.previous->value == b.previous->value);
}

bool operator==(const DeleteResult& a, const DeleteResult& b) {
  return a.deleted == b.deleted && a.current_version == b.current_version;
}

template <typename Result>
bool Same(const absl::StatusOr<Result>& ours, const absl::StatusOr<Result>& theirs) {
  return ours.status() == theirs.status() && (!ours.ok() || *ours == *theirs);
}

bool Same(const absl::StatusOr<MultiGetResult>& ours,
          const absl::StatusOr<MultiGetResult>& theirs) {
  if (ours.status() != theirs.status()) return false;
  if (!ours.ok()) return true;
  for (size_t i = 0; i < ours->size(); ++i) {
    if (!Same((*ours)[i], (*theirs)[i])) return false;
  }
  return ours->size() == theirs->size();
}

constexpr size_t kItems = 4;

void ExpectSameAnswers(const std::string& bytes) {
  EXPECT_TRUE(Same(ReadGetAnswer(bytes, 0), ReadAnswer<v1::GetResponse, GetResult>(bytes, 0)));
  EXPECT_TRUE(Same(ReadSetAnswer(bytes, 0), ReadAnswer<v1::SetResponse, SetResult>(bytes, 0)));
  EXPECT_TRUE(
      Same(ReadDeleteAnswer(bytes, 0), ReadAnswer<v1::DeleteResponse, DeleteResult>(bytes, 0)));
  for (const size_t items : {kItems, size_t{1}}) {
    EXPECT_TRUE(Same(ReadMultiGetAnswer(bytes, items),
                     ReadItems<v1::MultiGetResponse, MultiGetResult>(bytes, items)));
  }
}

std::vector<std::string> GoodAnswers() {
  v1::GetResponse get;
  get.set_found(true);
  get.set_value("value");
  get.set_version(77);
  get.mutable_expires_at()->set_seconds(1700000000);
  get.mutable_expires_at()->set_nanos(5000000);
  get.set_flags(9);
  get.set_stale(true);
  v1::SetResponse stored;
  stored.mutable_stored()->set_version(5);
  v1::SetResponse with_position = stored;
  with_position.mutable_stored()->mutable_position()->set_sequence(3);
  v1::SetResponse not_stored;
  not_stored.mutable_not_stored()->set_reason(v1::NOT_STORED_REASON_EXISTS);
  v1::SetResponse previous = stored;
  previous.mutable_previous()->set_value("old");
  v1::DeleteResponse deleted;
  deleted.set_deleted(true);
  deleted.set_current_version(4);
  v1::MultiGetResponse multi;
  *multi.add_results()->mutable_response() = get;
  multi.add_results()->mutable_response();
  multi.add_results()->mutable_error()->set_code(8);
  multi.mutable_results(2)->mutable_error()->mutable_retry_after()->set_seconds(2);
  multi.add_results();
  return {"",
          get.SerializeAsString(),
          stored.SerializeAsString(),
          with_position.SerializeAsString(),
          not_stored.SerializeAsString(),
          previous.SerializeAsString(),
          deleted.SerializeAsString(),
          multi.SerializeAsString()};
}

TEST(HotAnswersTest, AreWhatProtobufReads) {
  for (const std::string& bytes : GoodAnswers()) ExpectSameAnswers(bytes);
}

TEST(HotAnswersTest, DamagedOnesAreWhatProtobufMakesOfThem) {
  std::mt19937 random(3);
  const std::vector<std::string> good = GoodAnswers();
  for (int i = 0; i < 30000; ++i) {
    std::string bytes = good[random() % good.size()] + good[random() % good.size()];
    for (int j = 0; j < 2 && !bytes.empty(); ++j) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 3 == 0) bytes.resize(random() % (bytes.size() + 1));
    ExpectSameAnswers(bytes);
    if (HasFailure()) FAIL() << "at " << i;
  }
}

}  // namespace
}  // namespace larder
