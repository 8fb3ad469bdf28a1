#include "server/rpc/services/multi_key_scatter.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "larder/v1/cache.pb.h"
#include "proto/wire/wire_reader.h"
#include "proto/wire/wire_writer.h"
#include "server/handlers/response_budget.h"
#include "server/handlers/retry_hint.h"
#include "server/messages/redirect.h"
#include "server/messages/status_details.h"

namespace larder::server {
namespace {

// The fields of all multi-key requests and answers, and of the results in these.
constexpr uint32_t kItemsField = 1;
constexpr uint32_t kResultsField = 1;
constexpr uint32_t kErrorField = 2;

void AppendBytesField(uint32_t field, std::string_view bytes, std::string& to) {
  const size_t at = to.size();
  to.resize(at + BytesFieldBytes(bytes.size()));
  char* const place = WireWriter(to.data() + at).Bytes(field, bytes.size());
  bytes.copy(place, bytes.size());
}

std::string ErrorResult(const absl::Status& status) {
  v1::MultiGetResult result;  // as those of the other methods
  FillItemError(status, result.mutable_error());
  return result.SerializeAsString();
}

// Whom a result names in place of the node that was asked.
std::optional<Redirect> RedirectOfResult(std::string_view result) {
  WireReader reader(result);
  if (!reader.Next() || !reader.Is(kErrorField, WireType::kBytes)) return std::nullopt;
  const std::string_view bytes = reader.ReadBytes();
  v1::ItemError error;
  if (!reader.ok() || !error.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      !error.has_redirect()) {
    return std::nullopt;
  }
  return RedirectOf(error.redirect());
}

absl::Status NotFollowed(Method method, const Redirect& redirect) {
  return absl::UnavailableError(absl::StrCat(
      std::string(MethodName(method)), ": not applied: the node that was asked does not own slot ",
      redirect.slot, " and names ", redirect.endpoint));
}

}  // namespace

void HideRedirects(Method method, std::string& response) {
  const auto for_each = [&response](auto&& look) {
    WireReader reader(response);
    FieldBudget fields(response.size());
    while (reader.Next()) {
      if (!reader.Is(kResultsField, WireType::kBytes)) {
        reader.Skip(fields);
        continue;
      }
      const std::string_view result = reader.ReadBytes();
      if (!reader.ok()) return;  // whoever reads it will see
      look(result, RedirectOfResult(result));
    }
  };
  bool has_any = false;
  for_each([&](std::string_view, const std::optional<Redirect>& redirect) {
    has_any |= redirect.has_value();
  });
  if (!has_any) return;
  std::string hidden;
  for_each([&](std::string_view result, const std::optional<Redirect>& redirect) {
    if (redirect.has_value()) {
      AppendBytesField(kResultsField, ErrorResult(NotFollowed(method, *redirect)), hidden);
    } else {
      AppendBytesField(kResultsField, result, hidden);
    }
  });
  response = std::move(hidden);
}

MultiKeyScatter::MultiKeyScatter(const ServiceParts& parts, Forwarder* forwarder, RpcCall* call,
                                 Method method, std::unique_ptr<PacedAnswer> answer, HeldBytes held,
                                 Listener* listener)
    : parts_(parts),
      forwarder_(*forwarder),
      call_(*call),
      method_(method),
      answer_(std::move(answer)),
      listener_(listener),
      held_(std::move(held)) {}

MultiKeyScatter::~MultiKeyScatter() {
  for (const Group& group : groups_) {
    if (group.call != nullptr) group.call->Abandon();
  }
}

void MultiKeyScatter::Begin(std::string_view request, std::vector<RoutedItem> items,
                            const Routing& routing) {
  whole_ = request;
  items_ = std::move(items);
  results_.resize(items_.size());
  absl::flat_hash_map<const SlotOwner*, Group*> by_owner;
  absl::flat_hash_map<std::string, Group*> by_endpoint;  // which several shards may have
  for (size_t i = 0; i < items_.size(); ++i) {
    const SlotOwner& owner = *items_[i].owner;
    if (owner.place == SlotOwner::Place::kHere) {
      local_.push_back(i);
    } else if (owner.place == SlotOwner::Place::kNobody || WantsRedirect(call_)) {
      FailItems(
          {i}, NotHereStatus(method_, items_[i].slot, owner, routing, forwarder_.shared().metrics));
    } else {
      Group*& group = by_owner[&owner];
      if (group == nullptr) {
        Group*& same = by_endpoint[owner.endpoint];
        if (same == nullptr) {
          same = &groups_.emplace_back(this);
          same->endpoint = owner.endpoint;
        }
        group = same;
      }
      group->items.push_back(i);
    }
  }
}

void MultiKeyScatter::SendOn() {
  open_parts_ += groups_.size();
  for (Group& group : groups_) StartGroup(group);
  OnPart();
}

void MultiKeyScatter::RunHere() {
  if (!local_.empty()) {
    ++open_parts_;
    RunLocalItems(method_, parts_, RequestOf(local_, 0), call_, this);
  }
  OnPart();
}

std::string MultiKeyScatter::RequestOf(const std::vector<size_t>& items,
                                       size_t bytes_before) const {
  if (items.size() == items_.size()) {
    return std::string(bytes_before, '\0').append(whole_);
  }
  size_t bytes = bytes_before;
  for (const size_t item : items) bytes += BytesFieldBytes(items_[item].bytes.size());
  std::string request;
  request.reserve(bytes);
  request.resize(bytes_before);
  for (const size_t item : items) AppendBytesField(kItemsField, items_[item].bytes, request);
  return request;
}

void MultiKeyScatter::StartGroup(Group& group) {
  const absl::StatusOr<ForwardedCall*> call =
      forwarder_.Start(group.endpoint,
                       {.method = method_,
                        .prefixed = RequestOf(group.items, ChannelCall::kPrefixBytes),
                        .deadline = call_.deadline(),
                        .follows_redirect = !group.is_second},
                       &group);
  if (call.ok()) {
    group.call = *call;
    return;
  }
  FailItems(group.items, call.status());
  OnPart();
}

void MultiKeyScatter::OnLocal(const absl::Status& status, std::string response) {
  if (status.ok()) {
    held_.AddAnyway(response.size());
    TakeResults(local_, std::move(response), "this node");
  } else {
    FailItems(local_, status);
  }
  OnPart();
}

void MultiKeyScatter::OnAnswered(Group& group, ForwardedAnswer& answer) {
  group.call = nullptr;
  if (answer.status.ok()) {
    held_.Merge(std::move(answer.held));
    TakeResults(group.items, std::move(answer.message), group.endpoint);
    FollowRedirects(group, !group.is_second && !answer.was_redirected);
  } else {
    FailItems(group.items, answer.status);
  }
  OnPart();
}

void MultiKeyScatter::TakeResults(const std::vector<size_t>& items, std::string response,
                                  std::string_view whose) {
  size_t taken = 0;
  WireReader reader(kept_.emplace_back(std::move(response)));
  FieldBudget fields(items.size() + 64);
  while (reader.Next() && fields.Take()) {
    if (!reader.Is(kResultsField, WireType::kBytes)) {
      reader.Skip(fields);
      continue;
    }
    const std::string_view result = reader.ReadBytes();
    if (!reader.ok() || taken == items.size()) break;
    results_[items[taken++]] = result;
  }
  if (taken == items.size()) return;
  FailItems(
      {items.begin() + static_cast<std::ptrdiff_t>(taken), items.end()},
      absl::UnknownError(absl::StrCat(std::string(MethodName(method_)), ": ", std::string(whose),
                                      " has answered ", taken, " of ", items.size(), " items")));
}

void MultiKeyScatter::FailItems(const std::vector<size_t>& items, const absl::Status& status) {
  const std::string& result = kept_.emplace_back(ErrorResult(status));
  for (const size_t item : items) results_[item] = result;
}

void MultiKeyScatter::FollowRedirects(const Group& group, bool may_follow) {
  absl::flat_hash_map<std::string, Group*> by_endpoint;
  std::vector<Group*> begun;
  for (const size_t item : group.items) {
    const std::optional<Redirect> redirect = RedirectOfResult(results_[item]);
    if (!redirect.has_value()) continue;
    if (!may_follow || redirect->endpoint.empty()) {
      FailItems({item}, NotFollowed(method_, *redirect));
      continue;
    }
    Group*& next = by_endpoint[redirect->endpoint];
    if (next == nullptr) {
      next = &groups_.emplace_back(this);
      next->endpoint = redirect->endpoint;
      next->is_second = true;
      begun.push_back(next);
    }
    next->items.push_back(item);
  }
  forwarder_.shared().metrics.redirects_followed.fetch_add(begun.size(), std::memory_order_relaxed);
  open_parts_ += begun.size();
  for (Group* const next : begun) StartGroup(*next);
}

void MultiKeyScatter::OnPart() {
  if (--open_parts_ > 0) return;
  std::string message = PutTogether();
  held_.AddAnyway(message.size());
  std::deque<std::string>().swap(kept_);
  std::string().swap(request_);
  held_.Shrink(message.size());
  answer_->SendPaced(std::move(message), absl::OkStatus(), std::move(held_));
  if (listener_ != nullptr) listener_->OnGathered();
}

std::string MultiKeyScatter::PutTogether() const {
  const size_t bytes_max = parts_.cache->limits().max_response_bytes;
  // A write was done whatever becomes of its answer.
  const absl::Status too_long =
      method_ == Method::kMultiGet
          ? WithRetryHint(absl::ResourceExhaustedError(absl::StrCat(
                              "MultiGet: the answer would have more than the limit ", bytes_max,
                              " bytes (--max_response_bytes); ask for this key again")),
                          absl::ZeroDuration())
          : absl::UnknownError(absl::StrCat(
                std::string(MethodName(method_)),
                ": it may have been done, but the answer would have more than the limit ",
                bytes_max, " bytes (--max_response_bytes)"));
  const std::string error = ErrorResult(too_long);
  const std::string short_error = ErrorResult(absl::Status(too_long.code(), ""));
  ResponseBudget budget(bytes_max, items_.size());
  const auto more_than_least = [](std::string_view result) {
    const size_t bytes = BytesFieldBytes(result.size());
    return bytes > ResponseBudget::kLeastItemBytes ? bytes - ResponseBudget::kLeastItemBytes : 0;
  };
  std::string message;
  for (const std::string_view result : results_) {
    if (budget.TakeValue(more_than_least(result))) {
      AppendBytesField(kResultsField, result, message);
    } else {
      const bool fits = budget.Take(more_than_least(error));
      AppendBytesField(kResultsField, fits ? error : short_error, message);
    }
  }
  return message;
}

}  // namespace larder::server
