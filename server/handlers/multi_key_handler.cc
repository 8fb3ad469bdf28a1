#include "server/handlers/multi_key_handler.h"

#include <memory>

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
    if (!is_shared_) is_shared_ = true;
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
  bool FitsValue(size_t bytes) {
    return With([bytes](ResponseBudget& budget) { return budget.FitsValue(bytes); });
  }
  // `status` as far as there is room for it.
  absl::Status Fitting(const absl::Status& status) {
    return Take(status.message().size() + Limits::kEntryOverheadBytes)
               ? status
               : absl::Status(status.code(), "");
  }

 private:
  ResponseBudget budget_;
  bool is_shared_ = false;  // set before another thread has it
  storage::Mutex mutex_;
};

using SharedBudgetPtr = std::shared_ptr<SharedBudget>;

// An item's reply that counts what goes into the answer and refuses what does not fit.
template <typename ReplyType>
struct BudgetedFor;

template <typename ReplyType>
class BudgetedReply : public ReplyType {
 public:
  using Answer = typename ReplyType::Answer;
  BudgetedReply(ReplyType* reply, const SharedBudgetPtr& budget)
      : reply_(*reply), budget_(*budget), shared_(budget) {}

  void Complete(const Answer& answer) override { reply_.Complete(answer); }
  void Fail(const absl::Status& status) override { reply_.Fail(budget_.Fitting(status)); }
  ReplyType& Later() override;

 protected:
  ~BudgetedReply() = default;
  ReplyType& reply_;
  SharedBudget& budget_;

 private:
  const SharedBudgetPtr& shared_;  // of the loop over all items
};

template <typename Answer>
class BudgetedValueReply : public BudgetedReply<ValueReply<Answer>> {
 public:
  using BudgetedReply<ValueReply<Answer>>::BudgetedReply;
  virtual ~BudgetedValueReply() = default;

  char* Reserve(const storage::EntryInfo& info, size_t value_bytes) override {
    if (!this->budget_.TakeValue(value_bytes + Limits::kEntryOverheadBytes)) return nullptr;
    return this->reply_.Reserve(info, value_bytes);
  }
};

class BudgetedDeleteReply : public BudgetedReply<DeleteReply> {
 public:
  using BudgetedReply::BudgetedReply;
  virtual ~BudgetedDeleteReply() = default;
};

template <typename Answer>
struct BudgetedFor<ValueReply<Answer>> {
  using Type = BudgetedValueReply<Answer>;
};
template <>
struct BudgetedFor<DeleteReply> {
  using Type = BudgetedDeleteReply;
};

// The same for an item that is answered later; goes with its answer.
template <typename ReplyType>
class LaterBudgetedReply final : public BudgetedFor<ReplyType>::Type {
 public:
  LaterBudgetedReply(ReplyType* reply, const SharedBudgetPtr& budget)
      : BudgetedFor<ReplyType>::Type(reply, budget), kept_(budget) {}

  void Complete(const typename ReplyType::Answer& answer) override {
    const std::unique_ptr<LaterBudgetedReply> self(this);
    this->reply_.Complete(answer);
  }
  void Fail(const absl::Status& status) override {
    const std::unique_ptr<LaterBudgetedReply> self(this);
    this->reply_.Fail(this->budget_.Fitting(status));
  }
  LaterBudgetedReply& Later() override { return *this; }

 private:
  const SharedBudgetPtr kept_;
};

template <typename ReplyType>
ReplyType& BudgetedReply<ReplyType>::Later() {
  budget_.Share();
  return *new LaterBudgetedReply<ReplyType>(&reply_.Later(), shared_);
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
    BudgetedValueReply<GetAnswer> item(&reply.Item(i), budget);
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
    BudgetedValueReply<SetAnswer> item(&reply.Item(i), budget);
    const bool fits_previous =
        !items[i].return_previous ||
        budget->FitsValue(limits.max_value_bytes + Limits::kEntryOverheadBytes +
                          ResponseBudget::kWriteItemBytes);
    if (fits_previous && budget->Take(ResponseBudget::kWriteItemBytes)) {
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
    BudgetedDeleteReply item(&reply.Item(i), budget);
    if (budget->Take(ResponseBudget::kWriteItemBytes)) {
      cache_->DeleteFor("MultiDelete", items[i], item);
    } else {
      item.Fail(OverBudget("MultiDelete", cache_->limits()));
    }
  }
  reply.Complete();
}

}  // namespace larder::server
