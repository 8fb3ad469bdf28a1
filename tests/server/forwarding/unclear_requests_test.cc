// Requests that two readers could understand differently: none runs at a node that does not own its
// slots.

#include "tests/server/forwarding/forwarding_fixture.h"
#include "tests/server/forwarding/pipeline_client.h"

namespace larder::server {
namespace {

using Request = v1::PipelineRequest;

std::string SetBytes(uint64_t id, const std::string& key, const std::string& value) {
  Request request;
  request.set_id(id);
  *request.mutable_set() = SetOf(key, value);
  return request.SerializeAsString();
}

class UnclearRequestsTest : public testing::Test {
 protected:
  UnclearRequestsTest() { SendOn(); }
  void SendOn() { front_.SendOnTo(owner_.endpoint()); }
  // What the front node has in its own memory.
  std::string AtFront(const std::string& key) {
    front_.Publish(Routing::AllHere(100));
    std::string value = front_.Get(key);
    SendOn();
    return value;
  }
  // The answer to one operation of a Pipeline of the front node.
  v1::PipelineResponse Ask(const std::string& request) {
    PipelineClient client(front_.node().client_endpoint());
    client.Send(request);
    return client.Read();
  }

  RoutedNode owner_;
  RoutedNode front_;
};

TEST_F(UnclearRequestsTest, AnOperationThatIsThereTwiceGoesToItsOwner) {
  // Protobuf merges both.
  const auto answer = Ask(SetBytes(1, "k", "first") + SetBytes(0, "k", "second"));
  EXPECT_EQ(answer.id(), 1u);
  EXPECT_TRUE(answer.set().has_stored()) << answer.ShortDebugString();
  EXPECT_EQ(owner_.Get("k"), "second");
  EXPECT_EQ(AtFront("k"), "(miss)");
}

TEST_F(UnclearRequestsTest, TheLastOfTwoOperationsGoesToItsOwner) {
  Request get;
  *get.mutable_get() = GetOf("k");
  const auto answer = Ask(get.SerializeAsString() + SetBytes(2, "k", "v"));
  EXPECT_TRUE(answer.set().has_stored()) << answer.ShortDebugString();
  EXPECT_EQ(owner_.Get("k"), "v");
  EXPECT_EQ(AtFront("k"), "(miss)");
}

TEST_F(UnclearRequestsTest, AnOperationWithAFieldOfALaterClientGoesToItsOwner) {
  const auto answer = Ask(SetBytes(3, "k", "v") + "\xa2\x06\x03new");
  EXPECT_TRUE(answer.set().has_stored()) << answer.ShortDebugString();
  EXPECT_EQ(owner_.Get("k"), "v");
  EXPECT_EQ(AtFront("k"), "(miss)");
}

TEST_F(UnclearRequestsTest, AMultiKeyOperationThatIsThereTwiceIsTakenApart) {
  front_.Publish(Halves({}, At(owner_.endpoint())));
  owner_.Set(kHigh, "high");
  front_.Set(kLow, "low");
  std::string bytes;
  for (const std::string& key : {kHigh, kLow}) {
    Request request;
    request.set_id(4);
    *request.mutable_multi_get()->add_items() = GetOf(key);
    bytes += request.SerializeAsString();
  }
  const auto answer = Ask(bytes);
  ASSERT_EQ(answer.multi_get().results_size(), 2) << answer.ShortDebugString();
  EXPECT_EQ(answer.multi_get().results(0).response().value(), "high");
  EXPECT_EQ(answer.multi_get().results(1).response().value(), "low");
}

TEST_F(UnclearRequestsTest, AnOperationThatIsNoneIsRefused) {
  EXPECT_EQ(Ask(std::string("\x08\x05\xa2\x06\x03new")).error().code(),
            static_cast<int>(Code::kInvalidArgument));
}

TEST_F(UnclearRequestsTest, AnOperationWithTooManyFieldsIsRefused) {
  std::string set = SetBytes(6, "k", "v");
  for (int i = 0; i < 100; ++i) set += "\xa2\x06\x03new";
  const auto answer = Ask(set);
  EXPECT_EQ(answer.error().code(), static_cast<int>(Code::kInvalidArgument));
  EXPECT_EQ(AtFront("k"), "(miss)");
}

TEST_F(UnclearRequestsTest, AMultiKeyRequestThatOneReaderFindsTooLongIsRefused) {
  ServerConfig config;
  config.limits.max_multi_items = 2;
  RoutedNode front(config);
  front.Publish(Halves({}, At(owner_.endpoint())));
  v1::MultiSetRequest request;
  *request.add_items() = SetOf(kHigh, "v");
  *request.add_items() = SetOf(kLow, "v");
  // The field of items once more, as a number: no item to one reader, one to the other.
  WaitingCall call(request.SerializeAsString() + std::string("\x08\x01"));
  call.path = "/larder.v1.Cache/MultiSet";
  front.channel().Start(call);
  EXPECT_EQ(call.Wait(), Code::kInvalidArgument);
  EXPECT_THAT(call.status.message, HasSubstr("--max_multi_items"));
  EXPECT_EQ(front.Get(kLow), "(miss)");
  front.Publish(Routing::AllHere(3));
  EXPECT_EQ(front.Get(kHigh), "(miss)");
}

TEST_F(UnclearRequestsTest, ARequestWithTooManyFieldsIsRefusedUnread) {
  std::string bytes = SetOf("k", "v").SerializeAsString();
  for (int i = 0; i < 100; ++i) bytes += "\xa2\x06\x03new";
  WaitingCall call(bytes);
  call.path = "/larder.v1.Cache/Set";
  front_.channel().Start(call);
  EXPECT_EQ(call.Wait(), Code::kInvalidArgument);
  EXPECT_THAT(call.status.message, HasSubstr("more fields than the limit"));
}

}  // namespace
}  // namespace larder::server
