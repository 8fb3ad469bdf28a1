#include "storage/mutation.h"

#include "storage/copy_bytes.h"
#include "storage/entry.h"

namespace larder::storage {

size_t ValueView::size() const { return entry_ == nullptr ? whole_.size() : entry_->value_bytes(); }

void ValueView::CopyTo(char* to) const {
  if (entry_ != nullptr) return entry_->CopyValue(entry_->value_bytes(), to);
  if (!whole_.empty()) CopyBytes(to, whole_.data(), whole_.size());
}

}  // namespace larder::storage
