#include "server/handlers/multi_key_handler.h"

#include "absl/strings/str_cat.h"
#include "server/handlers/request_checks.h"
#include "server/handlers/response_budget.h"
#include "server/handlers/retry_hint.h"

namespace larder::server {
namespace {

// An item's reply that counts what goes into the answer and refuses what does not fit.
template <typename Answer>
class BudgetedReply final : public ValueReply<Answer> {
 public:
  BudgetedReply(ValueReply<Answer>* reply, ResponseBudget* budget)
      : reply_(reply), budget_(budget) {}

  char* Reserve(const storage::EntryInfo& info, size_t value_bytes) override {
    if (!budget_->TakeValue(value_bytes + Limits::kEntryOverheadBytes)) return nullptr;
    return reply_->Reserve(info, value_bytes);
  }

  void Complete(const Answer& answer) override { reply_->Complete(answer); }

  void Fail(const absl::Status& status) override { FailWithin(*budget_, status, *reply_); }

  static void FailWithin(ResponseBudget& budget, const absl::Status& status, Reply<Answer>& reply) {
    if (budget.Take(status.message().size() + Limits::kEntryOverheadBytes)) {
      reply.Fail(status);
    } else {
      reply.Fail(absl::Status(status.code(), ""));
    }
  }

 private:
  ValueReply<Answer>* const reply_;
  ResponseBudget* const budget_;
};

// The same for a reply without a value.
class BudgetedDeleteReply final : public DeleteReply {
 public:
  BudgetedDeleteReply(DeleteReply* reply, ResponseBudget* budget)
      : reply_(reply), budget_(budget) {}

  void Complete(const DeleteAnswer& answer) override { reply_->Complete(answer); }

  void Fail(const absl::Status& status) override {
    BudgetedReply<DeleteAnswer>::FailWithin(*budget_, status, *reply_);
  }

 private:
  DeleteReply* const reply_;
  ResponseBudget* const budget_;
};

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
  ResponseBudget budget(cache_->limits().max_response_bytes, items.size());
  const storage::TimePoint now = cache_->Now();
  for (size_t i = 0; i < items.size(); ++i) {
    BudgetedReply<GetAnswer> item(&reply.Item(i), &budget);
    cache_->GetThrough(item, "MultiGet", items[i], now, item);
  }
  reply.Complete();
}

void MultiKeyHandler::MultiSet(absl::Span<const SetView> items, MultiSetReply& reply) {
  const Limits& limits = cache_->limits();
  const auto status = CheckItems("MultiSet", items.size(), limits);
  if (!status.ok()) return reply.Fail(status);
  ResponseBudget budget(limits.max_response_bytes, items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    BudgetedReply<SetAnswer> item(&reply.Item(i), &budget);
    const bool fits_previous =
        !items[i].return_previous ||
        budget.FitsValue(limits.max_value_bytes + Limits::kEntryOverheadBytes +
                         ResponseBudget::kWriteItemBytes);
    if (fits_previous && budget.Take(ResponseBudget::kWriteItemBytes)) {
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
  ResponseBudget budget(cache_->limits().max_response_bytes, items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    BudgetedDeleteReply item(&reply.Item(i), &budget);
    if (budget.Take(ResponseBudget::kWriteItemBytes)) {
      cache_->DeleteFor("MultiDelete", items[i], item);
    } else {
      item.Fail(OverBudget("MultiDelete", cache_->limits()));
    }
  }
  reply.Complete();
}

}  // namespace larder::server
