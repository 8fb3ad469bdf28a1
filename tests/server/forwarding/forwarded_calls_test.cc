// Two nodes, of which one owns all slots: what is asked of the other.

#include "server/messages/redirect.h"
#include "tests/server/forwarding/forwarding_fixture.h"

namespace larder::server {
namespace {

class ForwardedCallsTest : public testing::Test {
 protected:
  ForwardedCallsTest() { front_.SendOnTo(owner_.endpoint()); }

  // Calls the front node, as a client that says nothing of routing.
  template <typename Response>
  Response Ask(std::string_view path, const google::protobuf::MessageLite& request) {
    ProtoCall<Response> call(path, request);
    front_.channel().Start(call);
    EXPECT_EQ(call.Wait(), Code::kOk) << path << ": " << call.status.message;
    return call.answer;
  }

  RoutedNode owner_;
  RoutedNode front_;
};

TEST_F(ForwardedCallsTest, KeysAreWrittenToAndReadFromTheOwner) {
  EXPECT_EQ(front_.Set("k", "v"), Code::kOk);
  EXPECT_EQ(front_.Get("k"), "v");
  EXPECT_EQ(owner_.Get("k"), "v");
  front_.Publish(Routing::AllHere(8));
  EXPECT_EQ(front_.Get("k"), "(miss)");
}

TEST_F(ForwardedCallsTest, EveryMethodOfOneKeyGoesToTheOwner) {
  front_.Set("k", "5");
  v1::IncrementRequest increment;
  increment.set_key("k");
  increment.set_delta(3);
  EXPECT_EQ(Ask<v1::IncrementResponse>("/larder.v1.Cache/Increment", increment).value(), 8);
  v1::AppendRequest append;
  append.set_key("k");
  append.set_value("!");
  EXPECT_EQ(Ask<v1::AppendResponse>("/larder.v1.Cache/Append", append).value_bytes(), 2u);
  v1::TouchRequest touch;
  touch.set_key("k");
  touch.mutable_ttl()->set_seconds(1000);
  EXPECT_TRUE(Ask<v1::TouchResponse>("/larder.v1.Cache/Touch", touch).has_expires_at());
  EXPECT_EQ(owner_.Get("k"), "8!");
  v1::DeleteRequest erase;
  erase.set_key("k");
  EXPECT_TRUE(Ask<v1::DeleteResponse>("/larder.v1.Cache/Delete", erase).deleted());
  EXPECT_EQ(owner_.Get("k"), "(miss)");
  v1::LeaseRequest lease;
  lease.set_key("k");
  const auto granted = Ask<v1::LeaseResponse>("/larder.v1.Cache/Lease", lease);
  v1::SetRequest set = SetOf("k", "filled");
  set.set_lease_token(granted.granted().token());
  EXPECT_TRUE(Ask<v1::SetResponse>("/larder.v1.Cache/Set", set).has_stored());
  EXPECT_EQ(owner_.Get("k"), "filled");
}

TEST_F(ForwardedCallsTest, MultiKeyCallsAndScansGoToTheOwnerWhole) {
  v1::MultiSetRequest set;
  for (const char* key : {"x", "y", "z"}) *set.add_items() = SetOf(key, absl::StrCat("of ", key));
  const auto stored = Ask<v1::MultiSetResponse>("/larder.v1.Cache/MultiSet", set);
  ASSERT_EQ(stored.results_size(), 3);
  EXPECT_TRUE(stored.results(2).response().has_stored());
  v1::MultiGetRequest get;
  for (const char* key : {"z", "none", "x", "z"}) *get.add_items() = GetOf(key);
  const auto got = Ask<v1::MultiGetResponse>("/larder.v1.Cache/MultiGet", get);
  ASSERT_EQ(got.results_size(), 4);
  EXPECT_EQ(got.results(0).response().value(), "of z");
  EXPECT_FALSE(got.results(1).response().found());
  EXPECT_EQ(got.results(2).response().value(), "of x");
  EXPECT_EQ(got.results(3).response().value(), "of z");
  v1::MultiDeleteRequest erase;
  erase.add_items()->set_key("x");
  EXPECT_TRUE(Ask<v1::MultiDeleteResponse>("/larder.v1.Cache/MultiDelete", erase)
                  .results(0)
                  .response()
                  .deleted());
  v1::ScanRequest scan;
  scan.set_keys_only(true);
  int keys = 0;
  do {
    const auto page = Ask<v1::ScanResponse>("/larder.v1.Cache/Scan", scan);
    keys += page.entries_size();
    scan.set_cursor(page.next_cursor());
  } while (!scan.cursor().empty());
  EXPECT_EQ(keys, 2);
}

TEST_F(ForwardedCallsTest, ErrorsOfTheOwnerComeWithTheirDetails) {
  ProtoCall<v1::GetResponse> call("/larder.v1.Cache/Get", GetOf(std::string(20000, 'k')));
  // The front node allows the key, the owner does not.
  ServerConfig config;
  config.limits.max_key_bytes = 32000;
  RoutedNode front(config);
  front.SendOnTo(owner_.endpoint());
  front.channel().Start(call);
  EXPECT_EQ(call.Wait(), Code::kInvalidArgument);
  EXPECT_THAT(call.status.message, HasSubstr("--max_key_bytes"));
  v1::StatusDetails details;
  ASSERT_TRUE(details.ParseFromString(call.status.details));
  EXPECT_EQ(details.message(), call.status.message);
}

TEST_F(ForwardedCallsTest, WhatCannotBeReadIsRefusedHere) {
  ProtoCall<v1::GetResponse> empty("/larder.v1.Cache/Get", GetOf(""));
  front_.channel().Start(empty);
  EXPECT_EQ(empty.Wait(), Code::kInvalidArgument);
  WaitingCall garbage("\xff\xff\xff");
  garbage.path = "/larder.v1.Cache/MultiSet";
  front_.channel().Start(garbage);
  EXPECT_EQ(garbage.Wait(), Code::kInvalidArgument);
}

TEST_F(ForwardedCallsTest, LargeValuesPassBothWays) {
  const std::string large((size_t{4} << 20) - (size_t{64} << 10), 'x');
  EXPECT_EQ(front_.Set("large", large), Code::kOk);
  EXPECT_TRUE(owner_.Get("large") == large);
  EXPECT_TRUE(front_.Get("large") == large);
}

TEST_F(ForwardedCallsTest, ANodeThatDoesNotOwnTheSlotNamesOneThatIsAskedInstead) {
  RoutedNode middle;
  middle.SendOnTo(owner_.endpoint());
  front_.SendOnTo(middle.endpoint());
  EXPECT_EQ(front_.Set("k", "v"), Code::kOk);
  EXPECT_EQ(owner_.Get("k"), "v");
  EXPECT_EQ(front_.Get("k"), "v");
  middle.Publish(Routing::AllHere(1));
  EXPECT_EQ(middle.Get("k"), "(miss)");
}

TEST_F(ForwardedCallsTest, OnlyOneRedirectIsFollowed) {
  RoutedNode second;
  RoutedNode third;
  front_.SendOnTo(second.endpoint());
  second.SendOnTo(third.endpoint());
  third.SendOnTo(owner_.endpoint());
  EXPECT_EQ(front_.Set("k", "v"), Code::kUnavailable);
  EXPECT_EQ(owner_.Get("k"), "(miss)");
  EXPECT_THAT(front_.Get("k"), HasSubstr("does not own slot"));
}

TEST_F(ForwardedCallsTest, NodesThatNameEachOtherEnd) {
  owner_.SendOnTo(front_.endpoint());
  EXPECT_EQ(front_.Set("k", "v"), Code::kUnavailable);
  EXPECT_EQ(owner_.Set("k", "v"), Code::kUnavailable);
  front_.SendOnTo(front_.endpoint());  // and one that names itself
  EXPECT_EQ(front_.Set("k", "v"), Code::kUnavailable);
}

TEST_F(ForwardedCallsTest, ASlotWithoutAnOwnerIsUnavailable) {
  front_.Publish(Routing::AllOf({SlotOwner::Place::kNobody}, 3));
  EXPECT_EQ(front_.Set("k", "v"), Code::kUnavailable);
  EXPECT_THAT(front_.Get("k"), HasSubstr("has no primary"));
}

TEST_F(ForwardedCallsTest, AForwardedCallIsAnsweredWithARedirect) {
  const auto channel = front_.NewChannel({{"larder-forwarded", "1"}});
  ProtoCall<v1::GetResponse> call("/larder.v1.Cache/Get", GetOf("k"));
  channel->Start(call);
  EXPECT_EQ(call.Wait(), Code::kFailedPrecondition);
  EXPECT_EQ(call.redirect().endpoint(), owner_.endpoint());
  EXPECT_EQ(call.redirect().slot(), cluster::HashSlot("k"));
  EXPECT_EQ(call.redirect().kind(), v1::REDIRECT_KIND_MOVED);
  EXPECT_EQ(call.redirect().topology_version(), 7u);
}

TEST_F(ForwardedCallsTest, ManyThreadsMayCallWhileTheRoutingChanges) {
  owner_.Set("k", "v");
  front_.Publish(Routing::AllHere(0));
  front_.Set("k", "v");
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 200; ++j) right += front_.Get("k") == "v" ? 1 : 0;
    });
  }
  for (uint64_t version = 1; version < 300; ++version) {
    version % 2 == 0 ? front_.Publish(Routing::AllHere(version))
                     : front_.SendOnTo(owner_.endpoint(), version);
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 3 * 200);
}

}  // namespace
}  // namespace larder::server
