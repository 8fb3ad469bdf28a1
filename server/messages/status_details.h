#ifndef LARDER_SERVER_MESSAGES_STATUS_DETAILS_H_
#define LARDER_SERVER_MESSAGES_STATUS_DETAILS_H_

#include <string>

#include "absl/status/status.h"

namespace larder::v1 {
class ItemError;
}

namespace larder::server {

// The bytes of grpc-status-details-bin for an error: a google.rpc.Status that repeats code and
// message, so that a client can tell the node's word from a broken connection; with a retry hint it
// holds a RetryInfo, with a redirect (redirect.h) a Redirect.
std::string StatusDetailsOf(const absl::Status& status);

// The status of an answer that another node gave, with its details: what is passed on is what came.
absl::Status StatusOfAnswer(int code, const std::string& message, const std::string& details);

// Fills in the error of one item of a call likewise.
void FillItemError(const absl::Status& status, v1::ItemError* error);

}  // namespace larder::server

#endif  // LARDER_SERVER_MESSAGES_STATUS_DETAILS_H_
