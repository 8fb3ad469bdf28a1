#include "server/handlers/multi_key_handler.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/handlers/request_checks.h"
#include "server/handlers/response_budget.h"
#include "server/handlers/retry_hint.h"

namespace larder::server {
namespace {

using SharedBudgetPtr = std::shared_ptr<SharedBudget>;

// An item's reply that counts what goes into the answer, and refuses a value that does not fit. The
// bytes that were taken for the item's outcome are given back if it fails.
template <typename ReplyType>
class BudgetedReply : public ReplyType {
 public:
  using Answer = typename ReplyType::Answer;

  BudgetedReply(ReplyType* reply, const SharedBudgetPtr& budget, size_t taken_bytes = 0)
      : reply_(*reply), budget_(budget), taken_bytes_(taken_bytes) {}
  virtual ~BudgetedReply() = default;

  void Complete(const Answer& answer) override { reply_.Complete(answer); }
  void Fail(const absl::Status& status) override {
    if (taken_bytes_ > 0) budget_->Return(std::exchange(taken_bytes_, 0));
    const bool fits = budget_->Take(status.message().size() + Limits::kEntryOverheadBytes);
    reply_.Fail(fits ? status : absl::Status(status.code(), ""));
  }
  ReplyType& Later() override;

  // The size of the value that was to go into the answer.
  size_t value_bytes() const { return value_bytes_; }

 protected:
  // Whether a value of so many bytes goes into the answer.
  bool TakeValue(size_t value_bytes) {
    value_bytes_ = value_bytes;
    return budget_->TakeValue(value_bytes + Limits::kEntryOverheadBytes);
  }
  ReplyType& reply() { return reply_; }

 private:
  ReplyType& reply_;
  const SharedBudgetPtr budget_;
  size_t taken_bytes_;
  size_t value_bytes_ = 0;
};

// A budgeted reply that takes a value.
template <typename ReplyType>
class BudgetedValueReply : public BudgetedReply<ReplyType> {
 public:
  using BudgetedReply<ReplyType>::BudgetedReply;
  char* Reserve(const storage::EntryInfo& info, size_t value_bytes) override {
    return this->TakeValue(value_bytes) ? this->reply().Reserve(info, value_bytes) : nullptr;
  }
};

template <typename ReplyType>
using Budgeted = std::conditional_t<std::is_base_of_v<storage::ValueSink, ReplyType>,
                                    BudgetedValueReply<ReplyType>, BudgetedReply<ReplyType>>;

// The budgeted reply of an item that is answered later; goes with its answer.
template <typename ReplyType>
class LaterBudgetedReply final : public Budgeted<ReplyType> {
 public:
  using Budgeted<ReplyType>::Budgeted;

  void Complete(const typename ReplyType::Answer& answer) override {
    const std::unique_ptr<LaterBudgetedReply> self(this);
    Budgeted<ReplyType>::Complete(answer);
  }
  void Fail(const absl::Status& status) override {
    const std::unique_ptr<LaterBudgetedReply> self(this);
    Budgeted<ReplyType>::Fail(status);
  }
  LaterBudgetedReply& Later() override { return *this; }
};

template <typename ReplyType>
ReplyType& BudgetedReply<ReplyType>::Later() {
  budget_->Share();
  return *new LaterBudgetedReply<ReplyType>(&reply_.Later(), budget_,
                                            std::exchange(taken_bytes_, 0));
}

absl::Status OverBudget(absl::string_view operation, const Limits& limits) {
  return WithRetryHint(
      absl::ResourceExhaustedError(absl::StrCat(
          operation, ": the answer could have more than the limit ", limits.max_response_bytes,
          " bytes (--max_response_bytes); nothing was done, ask for this key again")),
      absl::ZeroDuration());
}

// Takes what the outcome of a write takes in the answer; 0: it does not fit.
size_t TakeForOutcome(SharedBudget& budget) {
  return budget.Take(ResponseBudget::kWriteItemBytes) ? ResponseBudget::kWriteItemBytes : 0;
}

// The work after which it pays to ask whether to pause, which reads a clock: some 20 us.
constexpr size_t kWorkPerPause = size_t{64} << 10;
// What an item costs beside the bytes that it copies.
constexpr size_t kWorkPerItem = 512;
// What each byte of its key costs: it is checked, and hashed three times.
constexpr size_t kWorkPerKeyByte = 8;
// So many that their memory has come when the first is run, and few enough to be still there when
// the last is. Long keys take too much time to hash for so many.
constexpr size_t kPrefetchedMax = 128;
constexpr size_t kPrefetchedKeyBytesMax = size_t{8} << 10;

// Those of the items that are to be prefetched together.
template <typename View>
absl::Span<const View> NextToPrefetch(absl::Span<const View> items) {
  size_t count = 0;
  for (size_t key_bytes = 0;
       count < std::min(items.size(), kPrefetchedMax) && key_bytes < kPrefetchedKeyBytesMax;) {
    key_bytes += items[count++].key.size();
  }
  return items.subspan(0, count);
}

template <typename View>
void Prefetch(const CacheHandler& cache, absl::Span<const View> items) {
  std::array<std::string_view, 16> keys;
  while (!items.empty()) {
    const auto some = items.subspan(0, keys.size());
    for (size_t i = 0; i < some.size(); ++i) keys[i] = some[i].key;
    cache.Prefetch(absl::MakeConstSpan(keys.data(), some.size()));
    items.remove_prefix(some.size());
  }
}

// Runs items from where the call has come to, as `run` does with one: it returns how many bytes it
// has copied.
template <typename View, typename ItemReply, typename RunItem>
void RunItems(std::string_view operation, const CacheHandler& cache, absl::Span<const View> items,
              MultiKeyProgress& progress, MultiReply<ItemReply>& reply, RunItem run) {
  if (progress.budget == nullptr) {
    const auto status = CheckItems(operation, items.size(), cache.limits());
    if (!status.ok()) return reply.Fail(status);
    progress.budget =
        std::make_shared<SharedBudget>(cache.limits().max_response_bytes, items.size());
  }
  const SharedBudgetPtr& budget = progress.budget;
  size_t prefetch_at = progress.next;
  size_t work = 0;
  for (size_t i = progress.next; i < items.size(); ++i) {
    if (work >= kWorkPerPause) [[unlikely]] {
      progress.next = i;
      if (reply.Pause()) return;
      work = 0;
    }
    if (i == prefetch_at) {
      const auto ahead = NextToPrefetch(items.subspan(i));
      Prefetch(cache, ahead);
      prefetch_at += ahead.size();
    }
    work +=
        kWorkPerItem + kWorkPerKeyByte * items[i].key.size() + run(items[i], reply.Item(i), budget);
  }
  reply.Complete();
}

}  // namespace

void MultiKeyHandler::MultiGet(absl::Span<const GetView> items, MultiKeyProgress& progress,
                               MultiGetReply& reply) {
  const storage::TimePoint now = cache_->Now();
  RunItems("MultiGet", *cache_, items, progress, reply,
           [&](const GetView& view, GetReply& item_reply, const SharedBudgetPtr& budget) {
             Budgeted<GetReply> item(&item_reply, budget);
             cache_->GetFor("MultiGet", view, now, item);
             return item.value_bytes();
           });
}

void MultiKeyHandler::MultiSet(absl::Span<const SetView> items, MultiKeyProgress& progress,
                               MultiSetReply& reply) {
  const Limits& limits = cache_->limits();
  RunItems("MultiSet", *cache_, items, progress, reply,
           [&](const SetView& view, SetReply& item_reply, const SharedBudgetPtr& budget) {
             const size_t outcome_bytes = TakeForOutcome(*budget);
             Budgeted<SetReply> item(&item_reply, budget, outcome_bytes);
             if (outcome_bytes > 0) {
               cache_->SetFor("MultiSet", view, item);
             } else {
               item.Fail(OverBudget("MultiSet", limits));
             }
             return view.value.size() + item.value_bytes();
           });
}

void MultiKeyHandler::MultiDelete(absl::Span<const DeleteView> items, MultiKeyProgress& progress,
                                  MultiDeleteReply& reply) {
  RunItems("MultiDelete", *cache_, items, progress, reply,
           [&](const DeleteView& view, DeleteReply& item_reply, const SharedBudgetPtr& budget) {
             const size_t outcome_bytes = TakeForOutcome(*budget);
             Budgeted<DeleteReply> item(&item_reply, budget, outcome_bytes);
             if (outcome_bytes > 0) {
               cache_->DeleteFor("MultiDelete", view, item);
             } else {
               item.Fail(OverBudget("MultiDelete", cache_->limits()));
             }
             return size_t{0};
           });
}

}  // namespace larder::server
