#ifndef LARDER_SERVER_RPC_SERVICES_MULTI_KEY_SCATTER_H_
#define LARDER_SERVER_RPC_SERVICES_MULTI_KEY_SCATTER_H_

#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/forwarding/forwarder.h"
#include "server/forwarding/held_bytes.h"
#include "server/messages/service_parts.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/services/local_items.h"
#include "server/rpc/services/paced_answer.h"
#include "server/rpc/services/routed_request.h"

namespace larder::server {

// A multi-key call whose items have several owners: what is here runs here, and each other node
// gets one call with its items as they came. An item that a node sends elsewhere is asked for
// there, once. The results are put together in the order asked; where nodes fail, their items have
// the error. What goes beyond --max_response_bytes does not get into the answer. Belongs to the
// thread of the call's loop, and goes with the call.
class MultiKeyScatter final : public CallAttachment, private LocalItemsListener {
 public:
  // Told, once, that the answer is sent.
  class Listener {
   public:
    virtual void OnGathered() = 0;

   protected:
    ~Listener() = default;
  };

  // `answer` is sent once, perhaps before SendOn or RunHere returns. `held`: what the request is
  // counted in.
  MultiKeyScatter(const ServiceParts& parts, Forwarder* forwarder, RpcCall* call, Method method,
                  std::unique_ptr<PacedAnswer> answer, HeldBytes held,
                  Listener* listener = nullptr);
  ~MultiKeyScatter() override;

  // Keeps a copy of the request, for one that does not stay by itself.
  std::string_view Keep(std::string_view request) { return request_ = request; }
  // Both borrow from what outlives this, or from Keep. REQUIRES: LookAtMultiKeyRequest has
  // read it.
  void Begin(std::string_view request, std::vector<RoutedItem> items, const Routing& routing);
  // Then both of these, once, in any order.
  void SendOn();
  void RunHere();
  // The answer is sent.
  bool is_over() const { return open_parts_ == 0; }

 private:
  // Items that one other node is asked for.
  struct Group final : ForwardListener {
    explicit Group(MultiKeyScatter* owner) : scatter(owner) {}
    void OnForwarded(ForwardedAnswer answer) override { scatter->OnAnswered(*this, answer); }

    MultiKeyScatter* const scatter;
    std::string endpoint;
    std::vector<size_t> items;  // their places
    bool is_second = false;     // asked for where another node has sent them
    ForwardedCall* call = nullptr;
  };

  void OnLocal(const absl::Status& status, std::string response) override;
  void OnAnswered(Group& group, ForwardedAnswer& answer);
  // The request of these items, behind so many bytes. Of all: as it came.
  std::string RequestOf(const std::vector<size_t>& items, size_t bytes_before) const;
  void StartGroup(Group& group);
  // Takes the results of these items from a response.
  void TakeResults(const std::vector<size_t>& items, std::string response, std::string_view whose);
  void FailItems(const std::vector<size_t>& items, const absl::Status& status);
  // Asks elsewhere for items that the node does not own.
  void FollowRedirects(const Group& group, bool may_follow);
  // Another part is done.
  void OnPart();
  std::string PutTogether() const;

  const ServiceParts& parts_;
  Forwarder& forwarder_;
  RpcCall& call_;
  const Method method_;
  const std::unique_ptr<PacedAnswer> answer_;
  Listener* const listener_;  // nullptr: nobody is
  HeldBytes held_;            // of the request, and of the results
  std::string request_;
  std::string_view whole_;
  std::vector<RoutedItem> items_;
  std::vector<size_t> local_;              // places of items that are here
  std::list<Group> groups_;                // open and over
  size_t open_parts_ = 2;                  // SendOn and RunHere are each one
  std::vector<std::string_view> results_;  // by item; borrow from kept_
  std::deque<std::string> kept_;
};

// Of a multi-key request that was sent on whole: makes items that the other node does not own
// UNAVAILABLE, since clients that do not route are not to hear of redirects.
void HideRedirects(Method method, std::string& response);

}  // namespace larder::server

#endif  // LARDER_SERVER_RPC_SERVICES_MULTI_KEY_SCATTER_H_
