// Forwarding as clients of gRPC's library, and of ours, see it: Pipelines, trailing metadata.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/client.h"
#include "tests/server/node_fixture.h"

namespace larder::server {
namespace {

using Stream = grpc::ClientReaderWriter<v1::PipelineRequest, v1::PipelineResponse>;

class ForwardingFrontEndTest : public testing::Test {
 protected:
  ForwardingFrontEndTest() { SendOn(); }

  void SendOn() {
    front_.node().routing().Publish(
        Routing::AllAt(owner_.node().client_endpoint().ToString(), /*topology_version=*/7));
  }
  // Writes all, reads as many answers, by their order.
  static std::vector<v1::PipelineResponse> Run(Stream& stream,
                                               const std::vector<v1::PipelineRequest>& requests) {
    for (const auto& request : requests) EXPECT_TRUE(stream.Write(request));
    stream.WritesDone();
    std::vector<v1::PipelineResponse> answers;
    v1::PipelineResponse answer;
    while (stream.Read(&answer)) answers.push_back(answer);
    return answers;
  }
  static v1::PipelineRequest SetOf(uint64_t id, const std::string& key, const std::string& value) {
    v1::PipelineRequest request;
    request.set_id(id);
    request.mutable_set()->set_key(key);
    request.mutable_set()->set_value(value);
    return request;
  }
  static v1::PipelineRequest GetOf(uint64_t id, const std::string& key) {
    v1::PipelineRequest request;
    request.set_id(id);
    request.mutable_get()->set_key(key);
    return request;
  }

  RunningNode owner_;
  RunningNode front_;
};

TEST_F(ForwardingFrontEndTest, APipelineReadsWhatItHasWritten) {
  std::vector<v1::PipelineRequest> requests;
  for (uint64_t i = 0; i < 500; ++i) {
    // Some large enough to be overtaken on their way.
    const std::string value(i % 7 == 0 ? 200000 : 10, static_cast<char>('a' + i % 26));
    requests.push_back(SetOf(2 * i, absl::StrCat("key ", i % 5), value));
    requests.push_back(GetOf(2 * i + 1, absl::StrCat("key ", i % 5)));
  }
  PatientContext context;
  const auto stream = front_.cache().Pipeline(&context);
  std::thread writer([&] {
    for (const auto& request : requests) stream->Write(request);
    stream->WritesDone();
  });
  std::map<uint64_t, v1::PipelineResponse> answers;
  v1::PipelineResponse answer;
  while (stream->Read(&answer)) answers[answer.id()] = answer;
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(answers.size(), 1000u);
  for (uint64_t i = 0; i < 500; ++i) {
    EXPECT_TRUE(answers[2 * i].set().has_stored());
    EXPECT_TRUE(answers[2 * i + 1].get().value() == requests[2 * i].set().value()) << i;
  }
}

TEST_F(ForwardingFrontEndTest, EveryOperationOfAPipelineIsSentOn) {
  std::vector<v1::PipelineRequest> requests = {SetOf(1, "k", "5"), GetOf(2, "k")};
  auto* request = &requests.emplace_back();
  request->set_id(3);
  request->mutable_increment()->set_key("k");
  request->mutable_increment()->set_delta(2);
  request = &requests.emplace_back();
  request->set_id(4);
  request->mutable_append()->set_key("k");
  request->mutable_append()->set_value("!");
  request = &requests.emplace_back();
  request->set_id(5);
  request->mutable_touch()->set_key("k");
  request = &requests.emplace_back();
  request->set_id(6);
  request->mutable_multi_get()->add_items()->set_key("k");
  request = &requests.emplace_back();
  request->set_id(7);
  request->mutable_multi_set()->add_items()->set_key("other");
  request = &requests.emplace_back();
  request->set_id(8);
  request->mutable_lease()->set_key("missing");
  request = &requests.emplace_back();
  request->set_id(9);
  request->mutable_multi_delete()->add_items()->set_key("other");
  request = &requests.emplace_back();
  request->set_id(10);
  request->mutable_delete_()->set_key("k");
  requests.emplace_back().set_id(11);  // no operation
  PatientContext context;
  const auto stream = front_.cache().Pipeline(&context);
  std::map<uint64_t, v1::PipelineResponse> answers;
  for (const auto& answer : Run(*stream, requests)) answers[answer.id()] = answer;
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(answers.size(), 11u);
  EXPECT_EQ(answers[2].get().value(), "5");
  EXPECT_EQ(answers[3].increment().value(), 7);
  EXPECT_EQ(answers[4].append().value_bytes(), 2u);
  EXPECT_TRUE(answers[5].touch().found());
  EXPECT_EQ(answers[6].multi_get().results(0).response().value(), "7!");
  EXPECT_TRUE(answers[7].multi_set().results(0).response().has_stored());
  EXPECT_TRUE(answers[8].lease().has_granted());
  EXPECT_TRUE(answers[9].multi_delete().results(0).response().deleted());
  EXPECT_TRUE(answers[10].delete_().deleted());
  EXPECT_EQ(answers[11].error().code(), grpc::INVALID_ARGUMENT);
}

TEST_F(ForwardingFrontEndTest, AMultiKeyOperationIsTakenApart) {
  Routing::ShardOfSlot shards{};
  for (size_t slot = 8192; slot < shards.size(); ++slot) shards[slot] = 1;
  front_.node().routing().Publish(Routing::BySlot(
      {{}, {SlotOwner::Place::kPeer, owner_.node().client_endpoint().ToString()}}, shards, 8));
  owner_.Set("{a}", "high");
  front_.Set("{b}", "low");
  std::vector<v1::PipelineRequest> requests;
  for (uint64_t id = 1; id < 20; ++id) {
    v1::PipelineRequest& request = requests.emplace_back();
    request.set_id(id);
    for (const char* key : {"{a}", "{b}", "{a}x"}) {
      request.mutable_multi_get()->add_items()->set_key(key);
    }
  }
  PatientContext context;
  const auto stream = front_.cache().Pipeline(&context);
  const auto answers = Run(*stream, requests);
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(answers.size(), 19u);
  for (const auto& answer : answers) {
    ASSERT_EQ(answer.multi_get().results_size(), 3);
    EXPECT_EQ(answer.multi_get().results(0).response().value(), "high");
    EXPECT_EQ(answer.multi_get().results(1).response().value(), "low");
    EXPECT_FALSE(answer.multi_get().results(2).response().found());
  }
}

TEST_F(ForwardingFrontEndTest, OperationsFailByThemselves) {
  front_.node().routing().Publish(Routing::AllAt("127.0.0.1:1", 8));
  PatientContext context;
  const auto stream = front_.cache().Pipeline(&context);
  const auto answers = Run(*stream, {SetOf(1, "k", "v"), GetOf(2, "k")});
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].error().code(), grpc::UNAVAILABLE);
  EXPECT_EQ(answers[1].error().code(), grpc::UNAVAILABLE);
}

std::string TopologyIn(const grpc::ClientContext& context) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find("topology_version");
  return found == trailers.end() ? "none" : std::string(found->second.data(), found->second.size());
}

TEST_F(ForwardingFrontEndTest, AClientThatRoutesHearsOfOwnersAndOfTheMap) {
  PatientContext asks;
  asks.AddMetadata("larder-routing", "redirect");
  v1::GetRequest request;
  request.set_key("k");
  v1::GetResponse response;
  const grpc::Status status = front_.cache().Get(&asks, request, &response);
  EXPECT_EQ(status.error_code(), grpc::FAILED_PRECONDITION);
  v1::StatusDetails details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  v1::Redirect redirect;
  ASSERT_EQ(details.details_size(), 1);
  ASSERT_TRUE(redirect.ParseFromString(details.details(0).value()));
  EXPECT_EQ(redirect.endpoint(), owner_.node().client_endpoint().ToString());
  EXPECT_EQ(TopologyIn(asks), "7");

  front_.node().routing().Publish(Routing::AllHere(8));
  PatientContext served;
  served.AddMetadata("larder-routing", "redirect");
  EXPECT_TRUE(front_.cache().Get(&served, request, &response).ok());
  EXPECT_EQ(TopologyIn(served), "8");

  PatientContext plain;
  EXPECT_TRUE(front_.cache().Get(&plain, request, &response).ok());
  EXPECT_EQ(TopologyIn(plain), "none");
}

TEST_F(ForwardingFrontEndTest, APipelineThatRoutesHearsOfOwners) {
  PatientContext context;
  context.AddMetadata("larder-routing", "redirect");
  const auto stream = front_.cache().Pipeline(&context);
  const auto answers = Run(*stream, {GetOf(1, "k")});
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].error().code(), grpc::FAILED_PRECONDITION);
  EXPECT_EQ(answers[0].error().redirect().endpoint(), owner_.node().client_endpoint().ToString());
  EXPECT_EQ(TopologyIn(context), "7");
}

TEST_F(ForwardingFrontEndTest, APipelineMayBeCancelledWithOperationsOpen) {
  // A node that accepts connections, and never speaks.
  const int silent = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof(address);
  ASSERT_EQ(bind(silent, reinterpret_cast<sockaddr*>(&address), bytes), 0);
  ASSERT_EQ(listen(silent, 8), 0);
  ASSERT_EQ(getsockname(silent, reinterpret_cast<sockaddr*>(&address), &bytes), 0);
  front_.node().routing().Publish(
      Routing::AllAt(absl::StrCat("127.0.0.1:", ntohs(address.sin_port)), 8));
  {
    PatientContext context;
    const auto stream = front_.cache().Pipeline(&context);
    for (uint64_t id = 0; id < 20; ++id) {
      stream->Write(SetOf(id, "k", std::string(id % 5 == 0 ? 50000 : 10, 'x')));
    }
    context.TryCancel();
    stream->Finish();
  }
  SendOn();
  EXPECT_TRUE(front_.Set("k", "still there").ok());
  close(silent);
}

// On either front end.
TEST(FrontEndElsewhereTest, AClientThatRoutesIsToldWhoOwnsASlot) {
  RunningNode node;
  node.node().routing().Publish(Routing::AllAt("other.example:7600", 5));
  const auto context = [] {
    auto made = std::make_unique<PatientContext>();
    made->AddMetadata("larder-routing", "redirect");
    return made;
  };
  const auto expect_redirect = [](const grpc::Status& status) {
    EXPECT_EQ(status.error_code(), grpc::FAILED_PRECONDITION);
    v1::StatusDetails details;
    v1::Redirect redirect;
    ASSERT_TRUE(details.ParseFromString(status.error_details()));
    ASSERT_EQ(details.details_size(), 1);
    ASSERT_TRUE(redirect.ParseFromString(details.details(0).value()));
    EXPECT_EQ(redirect.endpoint(), "other.example:7600");
    EXPECT_EQ(redirect.topology_version(), 5u);
  };
  v1::GetRequest get;
  get.set_key("k");
  v1::GetResponse got;
  expect_redirect(node.cache().Get(context().get(), get, &got));
  v1::MultiGetRequest multi_get;
  *multi_get.add_items() = get;
  v1::MultiGetResponse multi_got;
  expect_redirect(node.cache().MultiGet(context().get(), multi_get, &multi_got));
  v1::ScanResponse scanned;
  expect_redirect(node.cache().Scan(context().get(), v1::ScanRequest(), &scanned));
  const auto pipeline_context = context();
  const auto stream = node.cache().Pipeline(pipeline_context.get());
  v1::PipelineRequest operation;
  operation.set_id(3);
  *operation.mutable_get() = get;
  ASSERT_TRUE(stream->Write(operation));
  stream->WritesDone();
  v1::PipelineResponse answer;
  ASSERT_TRUE(stream->Read(&answer));
  EXPECT_EQ(answer.id(), 3u);
  EXPECT_EQ(answer.error().redirect().endpoint(), "other.example:7600");
  EXPECT_TRUE(stream->Finish().ok());
  node.node().routing().Publish(Routing::AllHere(6));
  EXPECT_TRUE(node.cache().Get(context().get(), get, &got).ok());
}

TEST_F(ForwardingFrontEndTest, OurClientNeedsNotKnow) {
  ClientOptions options;
  options.address = front_.node().client_endpoint().ToString();
  const auto client = Client::Create(options).value();
  ASSERT_TRUE(client->Set("greeting", "hello", {}).ok());
  const auto got = client->Get("greeting", {});
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->value, "hello");
  v1::GetResponse response;
  EXPECT_TRUE(owner_.Get("greeting", &response).ok());
  EXPECT_EQ(response.value(), "hello");
}

}  // namespace
}  // namespace larder::server
