#include "cluster/replication/copy_in_progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace larder::cluster {

CopyInProgress::CopyInProgress(const Welcome& welcome)
    : copy_id_(welcome.copy_id),
      growing_(welcome.history, welcome.from),
      received_(welcome.from),
      confirmed_(welcome.from) {}

absl::Status CopyInProgress::GoOn(const Welcome& welcome) {
  const CopyProgress progress = Progress();
  if (welcome.copy_id != copy_id_) {
    return absl::InvalidArgumentError(
        absl::StrCat("copy ", welcome.copy_id, " is to go on; here it is ", copy_id_));
  }
  if (!welcome.history.Contains(progress.position.epoch)) {
    return absl::InvalidArgumentError(absl::StrCat("a copy cut at ", progress.position.ToText(),
                                                   " is to go on without its epoch"));
  }
  if (!welcome.history.Continues(progress.exact_from, UINT64_MAX)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a copy of what was read up to ", progress.exact_from.ToText(),
                     " is to go on with a history that does not have it"));
  }
  if (welcome.kind == Welcome::Kind::kCopyOnward) {
    if (welcome.from != confirmed_ || welcome.cursor != confirmed_cursor_) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a copy cut at ", confirmed_, " is to go on from ", welcome.from, " or another cursor"));
    }
  } else {
    if (!older_position_.has_value()) {
      older_position_ = progress.position;
      older_cursor_ = progress.cursor;
    }
    confirmed_cursor_.clear();
  }
  growing_ = GrowingHistory(welcome.history, welcome.from);
  received_ = welcome.from;
  confirmed_ = welcome.from;
  cursor_ = confirmed_cursor_;
  has_ended_ = false;
  return absl::OkStatus();
}

absl::Status CopyInProgress::ReceiveEpoch(const EpochBegins& message) {
  if (message.epoch <= growing_.last().epoch || message.first < received_) {
    return absl::InvalidArgumentError(
        absl::StrCat("epoch ", message.epoch.ToText(), " begins at ", message.first, ", after ",
                     growing_.last().epoch.ToText(), " and ", received_));
  }
  growing_.Announce(message.epoch, message.first);
  return absl::OkStatus();
}

absl::Status CopyInProgress::ReceiveBatch(const LogBatch& message) {
  if (message.from != received_ || message.to <= message.from) {
    return absl::InvalidArgumentError(
        absl::StrCat("records ", message.from, "..", message.to, " in a copy at ", received_));
  }
  received_ = message.to;
  return absl::OkStatus();
}

absl::Status CopyInProgress::ReceiveChunk(const CopyChunk& message) {
  if (message.position > received_) {
    return absl::InvalidArgumentError(
        absl::StrCat("a chunk at ", message.position, " in a copy at ", received_));
  }
  if (message.begin != cursor_) {
    return absl::InvalidArgumentError("a chunk that does not begin where the last one ended");
  }
  if (message.keep && !older_position_.has_value()) {
    return absl::InvalidArgumentError("a chunk to keep where nothing was copied before");
  }
  cursor_ = message.end;
  exact_from_ = std::max({exact_from_, message.position, message.exact_from});
  return absl::OkStatus();
}

absl::Status CopyInProgress::ReceiveEnd(const CopyEnd& message) {
  if (message.position != received_) {
    return absl::InvalidArgumentError(
        absl::StrCat("the end at ", message.position, " of a copy at ", received_));
  }
  if (message.position < exact_from_) {
    return absl::InvalidArgumentError(absl::StrCat("the end at ", message.position,
                                                   " of a copy that was read up to ", exact_from_));
  }
  has_ended_ = true;
  return absl::OkStatus();
}

void CopyInProgress::ConfirmLog(uint64_t to) {
  confirmed_ = to;
  growing_.Advance(to);
}

void CopyInProgress::ConfirmChunk(const std::string& end, uint64_t bytes) {
  confirmed_cursor_ = end;
  bytes_ += bytes;
}

CopyProgress CopyInProgress::Progress() const {
  const uint64_t exact_from = std::max(exact_from_, confirmed_);
  return {copy_id_,          {growing_.history().EpochAt(confirmed_), confirmed_},
          confirmed_cursor_, older_position_,
          older_cursor_,     {growing_.EpochAt(exact_from), exact_from}};
}

}  // namespace larder::cluster
