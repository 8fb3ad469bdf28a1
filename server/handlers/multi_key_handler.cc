#include "server/handlers/multi_key_handler.h"

#include <memory>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/handlers/request_checks.h"
#include "server/handlers/response_budget.h"
#include "server/handlers/retry_hint.h"
#include "storage/mutex.h"

namespace larder::server {
namespace {

// The budget of one answer, also of its items that are answered later: from then on thread-safe.
class SharedBudget {
 public:
  SharedBudget(const Limits& limits, size_t items) : budget_(limits.max_response_bytes, items) {}

  void Share() {
    if (!is_shared_) is_shared_ = true;  // or it would be written while others read it
  }

  template <typename Action>
  bool With(Action&& action) {
    if (!is_shared_) [[likely]]
      return action(budget_);
    storage::MutexLock lock(mutex_);
    return action(budget_);
  }
  bool Take(size_t bytes) {
    return With([bytes](ResponseBudget& budget) { return budget.Take(bytes); });
  }
  bool TakeValue(size_t bytes) {
    return With([bytes](ResponseBudget& budget) { return budget.TakeValue(bytes); });
  }
  void Return(size_t bytes) {
    With([bytes](ResponseBudget& budget) {
      budget.Return(bytes);
      return true;
    });
  }

 private:
  ResponseBudget budget_;
  bool is_shared_ = false;  // set before another thread has it
  storage::Mutex mutex_;
};

using SharedBudgetPtr = std::shared_ptr<SharedBudget>;

// An item's reply that counts what goes into the answer. Refuses a value that does not fit, unless
// as many bytes were taken for it before: then what it does not need is given back.
template <typename ReplyType>
class BudgetedReply : public ReplyType {
 public:
  using Answer = typename ReplyType::Answer;

  BudgetedReply(ReplyType* reply, const SharedBudgetPtr& budget, size_t taken_bytes = 0)
      : reply_(*reply), budget_(budget), taken_bytes_(taken_bytes) {}
  virtual ~BudgetedReply() = default;

  void Complete(const Answer& answer) override {
    GiveBack();
    reply_.Complete(answer);
  }
  void Fail(const absl::Status& status) override {
    GiveBack();
    const bool fits = budget_->Take(status.message().size() + Limits::kEntryOverheadBytes);
    reply_.Fail(fits ? status : absl::Status(status.code(), ""));
  }
  ReplyType& Later() override;

 protected:
  // Whether a value of so many bytes goes into the answer.
  bool TakeValue(size_t value_bytes) {
    const size_t bytes = value_bytes + Limits::kEntryOverheadBytes;
    if (taken_bytes_ < bytes) return budget_->TakeValue(bytes);
    taken_bytes_ -= bytes;
    return true;
  }
  ReplyType& reply() { return reply_; }

 private:
  void GiveBack() {
    if (taken_bytes_ > 0) budget_->Return(std::exchange(taken_bytes_, 0));
  }

  ReplyType& reply_;
  const SharedBudgetPtr budget_;
  size_t taken_bytes_;
};

// The same for a reply that takes a value.
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

// The same for an item that is answered later; goes with its answer.
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

}  // namespace

void MultiKeyHandler::MultiGet(absl::Span<const GetView> items, MultiGetReply& reply) {
  const auto status = CheckItems("MultiGet", items.size(), cache_->limits());
  if (!status.ok()) return reply.Fail(status);
  const auto budget = std::make_shared<SharedBudget>(cache_->limits(), items.size());
  const storage::TimePoint now = cache_->Now();
  for (size_t i = 0; i < items.size(); ++i) {
    Budgeted<GetReply> item(&reply.Item(i), budget);
    cache_->GetFor("MultiGet", items[i], now, item);
  }
  reply.Complete();
}

void MultiKeyHandler::MultiSet(absl::Span<const SetView> items, MultiSetReply& reply) {
  const Limits& limits = cache_->limits();
  const auto status = CheckItems("MultiSet", items.size(), limits);
  if (!status.ok()) return reply.Fail(status);
  const auto budget = std::make_shared<SharedBudget>(limits, items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    // The value that was there is known when it is too late to refuse the write.
    const size_t previous_bytes =
        items[i].return_previous ? limits.max_value_bytes + Limits::kEntryOverheadBytes : 0;
    const bool fits = budget->Take(ResponseBudget::kWriteItemBytes) &&
                      (previous_bytes == 0 || budget->TakeValue(previous_bytes));
    Budgeted<SetReply> item(&reply.Item(i), budget, fits ? previous_bytes : 0);
    if (fits) {
      cache_->SetFor("MultiSet", items[i], item);
    } else {
      item.Fail(OverBudget("MultiSet", limits));
    }
  }
  reply.Complete();
}

void MultiKeyHandler::MultiDelete(absl::Span<const DeleteView> items, MultiDeleteReply& reply) {
  const auto status = CheckItems("MultiDelete", items.size(), cache_->limits());
  if (!status.ok()) return reply.Fail(status);
  const auto budget = std::make_shared<SharedBudget>(cache_->limits(), items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    Budgeted<DeleteReply> item(&reply.Item(i), budget);
    if (budget->Take(ResponseBudget::kWriteItemBytes)) {
      cache_->DeleteFor("MultiDelete", items[i], item);
    } else {
      item.Fail(OverBudget("MultiDelete", cache_->limits()));
    }
  }
  reply.Complete();
}

}  // namespace larder::server
