#ifndef LARDER_CLIENT_PROTO_TIME_H_
#define LARDER_CLIENT_PROTO_TIME_H_

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace larder {

// Between absl's and protobuf's time. Durations beyond protobuf's range become its ends.

google::protobuf::Duration ToProto(absl::Duration duration);
absl::Duration FromProto(const google::protobuf::Duration& duration);
absl::Time FromProto(const google::protobuf::Timestamp& timestamp);

}  // namespace larder

#endif  // LARDER_CLIENT_PROTO_TIME_H_
