#include "server/rpc/request_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proto/http2/header_field.h"
#include "tests/server/rpc/http2_peer.h"

namespace larder::server {
namespace {

RequestHead HeadOf(const Fields& fields, size_t bytes_max = 4096) {
  RequestHead head(bytes_max);
  for (const auto& [name, value] : fields) head.Add(name, value);
  return head;
}

Fields With(Fields fields, const std::string& name, const std::string& value) {
  fields.emplace_back(name, value);
  return fields;
}

TEST(RequestHeadTest, TakesWhatGrpcClientsSend) {
  Fields fields = RequestFields("/larder.v1.Cache/Get");
  fields = With(fields, "grpc-timeout", "250m");
  fields = With(fields, "grpc-encoding", "gzip");
  fields = With(fields, "grpc-accept-encoding", "identity,deflate,gzip");
  fields = With(fields, "user-agent", "grpc-go/1.65.0");
  fields = With(fields, "content-length", "12");
  fields = With(fields, "x-tenant", "a");
  fields = With(fields, "x-tenant", "b");
  const RequestHead head = HeadOf(fields);
  EXPECT_TRUE(head.is_well_formed());
  EXPECT_TRUE(head.is_grpc());
  EXPECT_EQ(head.http_method(), "POST");
  EXPECT_EQ(head.path(), "/larder.v1.Cache/Get");
  EXPECT_EQ(head.timeout(), absl::Milliseconds(250));
  EXPECT_EQ(head.encoding(), "gzip");
  EXPECT_EQ(head.content_length(), 12u);
}

TEST(RequestHeadTest, ContentTypesOfGrpc) {
  for (const char* type : {"application/grpc", "application/grpc+proto", "application/grpc;a=b"}) {
    EXPECT_TRUE(HeadOf({{"content-type", type}}).is_grpc()) << type;
  }
  for (const char* type : {"application/grpc-web", "application/json", "", "application/grp"}) {
    EXPECT_FALSE(HeadOf({{"content-type", type}}).is_grpc()) << type;
  }
}

TEST(RequestHeadTest, WhatHttp2ForbidsIsMalformed) {
  const Fields good = RequestFields("/a/b");
  ASSERT_TRUE(HeadOf(good).is_well_formed());
  for (const Fields& bad :
       {With(good, "Upper", "case"),
        With(good, "connection", "close"),
        With(good, "transfer-encoding", "chunked"),
        With(good, "te", "gzip"),
        With(good, ":path", "/behind/regular"),
        With(good, "content-length", "x"),
        With(good, "content-length", "+8"),
        With(good, "content-length", " 8"),
        With(good, "content-length", "-0"),
        With(good, "content-length", "8 "),
        With(good, "content-length", "18446744073709551616"),
        With(With(good, "content-length", "1"), "content-length", "2"),
        With(good, "sp ace", "v"),
        With(good, "x", "line\nbreak"),
        With(good, "", "v"),
        Fields{{":method", "POST"}, {":scheme", "http"}, {":path", ""}},
        Fields{{":method", "POST"}, {":scheme", "http"}},
        Fields{{":method", "POST"}, {":path", "/a"}},
        Fields{{":scheme", "http"}, {":path", "/a"}},
        Fields{{":method", "POST"}, {":method", "POST"}, {":scheme", "http"}, {":path", "/a"}},
        Fields{{":method", "POST"}, {":scheme", "http"}, {":path", "/a"}, {":status", "200"}}}) {
    EXPECT_FALSE(HeadOf(bad).is_well_formed()) << bad.back().first << ": " << bad.back().second;
  }
}

TEST(RequestHeadTest, IsTheSameAgainAfterClear) {
  RequestHead head = HeadOf(With(With(RequestFields("/a/b"), "grpc-timeout", "x"), "Bad", ""));
  head.Clear();
  for (const auto& [name, value] : RequestFields("/c/d")) head.Add(name, value);
  EXPECT_TRUE(head.is_well_formed());
  EXPECT_TRUE(head.CheckGrpc().ok());
  EXPECT_EQ(head.path(), "/c/d");
  EXPECT_FALSE(head.timeout().has_value());
}

TEST(RequestHeadTest, BytesAreCountedAsHttp2Does) {
  EXPECT_FALSE(HeadOf({{"abc", "defg"}}, 39).is_too_large());
  EXPECT_TRUE(HeadOf({{"abc", "defg"}}, 38).is_too_large());
}

TEST(RequestHeadTest, TimeoutsHaveUpToEightDigitsAndAUnit) {
  EXPECT_EQ(ParseGrpcTimeout("99999999H"), absl::Hours(99999999));
  EXPECT_EQ(ParseGrpcTimeout("2M"), absl::Minutes(2));
  EXPECT_EQ(ParseGrpcTimeout("3S"), absl::Seconds(3));
  EXPECT_EQ(ParseGrpcTimeout("4m"), absl::Milliseconds(4));
  EXPECT_EQ(ParseGrpcTimeout("5u"), absl::Microseconds(5));
  EXPECT_EQ(ParseGrpcTimeout("0n"), absl::ZeroDuration());
  for (const char* bad : {"", "S", "1", "1s", "-1S", "1.5S", "100000000S", "1 S", "S1"}) {
    EXPECT_FALSE(ParseGrpcTimeout(bad).has_value()) << bad;
  }
  EXPECT_EQ(HeadOf({{"grpc-timeout", "1s"}}).CheckGrpc().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(RequestHeadTest, RoutingIsOneOfTheKnownFieldsAndNoMetadata) {
  EXPECT_EQ(HeadOf(RequestFields("/a/b")).routing(), RoutingWish::kForward);
  RequestHead head(4096);
  head.KeepMetadata();
  head.Add("larder-routing", "redirect");
  EXPECT_EQ(head.routing(), RoutingWish::kRedirect);
  EXPECT_TRUE(head.CheckGrpc().ok());
  EXPECT_TRUE(head.metadata().empty());
  head.Clear();
  EXPECT_EQ(head.routing(), RoutingWish::kForward);
  for (const std::string bad : {"", "Redirect", "redirect ", "for\tward"}) {
    const absl::Status status = HeadOf({{"larder-routing", bad}}).CheckGrpc();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("larder-routing"));
  }
}

TEST(RequestHeadTest, ARequestThatWasSentOnIsMarkedByAOne) {
  EXPECT_FALSE(HeadOf(RequestFields("/a/b")).is_forwarded());
  RequestHead head(4096);
  head.Add("larder-forwarded", "1");
  EXPECT_TRUE(head.is_forwarded());
  EXPECT_TRUE(head.CheckGrpc().ok());
  head.Clear();
  EXPECT_FALSE(head.is_forwarded());
  for (const std::string bad : {"", "0", "2", "true", "1 ", " 1", "11", "2 proof"}) {
    const absl::Status status = HeadOf({{"larder-forwarded", bad}}).CheckGrpc();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("larder-forwarded"));
  }
}

TEST(RequestHeadTest, ANodeIsKnownByItsProof) {
  const auto is_from_node = [](const Fields& fields, std::string_view proof) {
    return HeadOf(fields).IsFromNode(proof);
  };
  EXPECT_FALSE(is_from_node({}, ""));
  EXPECT_FALSE(is_from_node({}, "proof"));
  EXPECT_TRUE(is_from_node({{"larder-forwarded", "1"}}, ""));
  EXPECT_TRUE(is_from_node({{"larder-forwarded", "1 unasked"}}, ""));
  EXPECT_TRUE(is_from_node({{"larder-forwarded", "1 proof"}}, "proof"));
  for (const std::string bad : {"1", "1 proox", "1 xroof", "1 proo", "1 proofs", "1  proof"}) {
    EXPECT_FALSE(is_from_node({{"larder-forwarded", bad}}, "proof")) << bad;
    EXPECT_TRUE(HeadOf({{"larder-forwarded", bad}}).is_forwarded()) << bad;
  }
  RequestHead head(4096);
  head.Add("larder-forwarded", "1 proof");
  head.Clear();
  head.Add("larder-forwarded", "1");
  EXPECT_FALSE(head.IsFromNode("proof"));
}

TEST(RequestHeadTest, TrailersHaveNoPseudoFields) {
  EXPECT_TRUE(http2::IsRegularField("x-checksum", "1"));
  EXPECT_FALSE(http2::IsRegularField(":path", "/a"));
  EXPECT_FALSE(http2::IsRegularField("connection", "close"));
}

}  // namespace
}  // namespace larder::server
