#ifndef LARDER_SERVER_MESSAGES_MESSAGE_VIEWS_H_
#define LARDER_SERVER_MESSAGES_MESSAGE_VIEWS_H_

#include "server/handlers/request_views.h"

namespace larder::v1 {
class AppendRequest;
class DeleteRequest;
class DigestRequest;
class FlushRequest;
class GetConfigRequest;
class GetRequest;
class IncrementRequest;
class LeaseRequest;
class ReplicaOfRequest;
class ScanRequest;
class SetConfigRequest;
class SetRequest;
class SlotStatsRequest;
class TouchRequest;
}  // namespace larder::v1

namespace larder::server {

// Request messages as handlers see them. A view borrows from its message.
GetView ViewOf(const v1::GetRequest& request);
SetView ViewOf(const v1::SetRequest& request);
DeleteView ViewOf(const v1::DeleteRequest& request);
LeaseView ViewOf(const v1::LeaseRequest& request);
TouchView ViewOf(const v1::TouchRequest& request);
IncrementView ViewOf(const v1::IncrementRequest& request);
AppendView ViewOf(const v1::AppendRequest& request);
ScanView ViewOf(const v1::ScanRequest& request);
SlotStatsView ViewOf(const v1::SlotStatsRequest& request);
FlushView ViewOf(const v1::FlushRequest& request);
DigestView ViewOf(const v1::DigestRequest& request);
ReplicaOfView ViewOf(const v1::ReplicaOfRequest& request);
GetConfigView ViewOf(const v1::GetConfigRequest& request);
SetConfigView ViewOf(const v1::SetConfigRequest& request);

}  // namespace larder::server

#endif  // LARDER_SERVER_MESSAGES_MESSAGE_VIEWS_H_
