#include "storage/cell_table.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "storage/entry.h"
#include "storage/entry_log.h"
#include "storage/entry_reader.h"
#include "storage/prefetch.h"

namespace larder::storage {
namespace {

constexpr size_t kKeysAhead = 8;

}  // namespace

// Some cells of a table.
struct CellTable::Range {
  const CellTable& table;
  size_t begin;
  size_t end;
};

CellTable& CellTable::operator=(CellTable&& other) noexcept {
  std::swap(cells_, other.cells_);
  std::swap(length_, other.length_);
  std::swap(count_, other.count_);
  std::swap(shrink_below_, other.shrink_below_);
  std::swap(prefix_bits_, other.prefix_bits_);
  return *this;
}

CellTable::~CellTable() { std::free(cells_); }

EntryRef CellTable::Find(uint64_t hash, std::string_view key, const EntryLog& log) const {
  if (count_ == 0) return {};
  const uint64_t tag = TagOf(hash);
  const Cell least = CellOf(tag, {});
  for (const char* at = AddressOf(HomeOf(tag));; at += kCellBytes) {
    const Cell cell = Load(at);
    if (cell < least && cell != 0) continue;
    if (TagOfCell(cell) != tag || cell == 0) return {};
    const EntryRef ref = log.At(LocationOf(cell));
    if (ref->key() == key) return ref;
  }
}

void CellTable::PrefetchEntry(uint64_t hash, const EntryLog& log) const {
  constexpr size_t kLineBytes = 64;
  constexpr size_t kLines = 3;
  if (count_ == 0) return;
  const uint64_t tag = TagOf(hash);
  size_t i = HomeOf(tag);
  Cell cell;
  while ((cell = CellAt(i)) != 0 && TagOfCell(cell) < tag) ++i;
  if (cell == 0 || TagOfCell(cell) != tag) return;
  const char* const record = reinterpret_cast<const char*>(log.At(LocationOf(cell)).entry);
  for (size_t line = 0; line < kLines; ++line) PrefetchLine(record + line * kLineBytes);
}

void CellTable::Insert(uint64_t hash, Location at, const EntryReader& entries) {
  if (count_ + 1 > CountMax(length_)) Rebuild(GrownLength(length_));
  // The end may be crowded. A forged set of keys can do that; it makes the end longer, not more.
  while (!TryInsert(hash, at, entries)) Rebuild(GrownLength(length_));
}

bool CellTable::TryInsert(uint64_t hash, Location at, const EntryReader& entries) {
  const size_t place = PlaceOf(hash, entries);
  size_t gap = place;
  while (CellAt(gap) != 0) ++gap;
  if (gap + 1 >= length_) return false;
  std::memmove(AddressOf(place + 1), AddressOf(place), (gap - place) * kCellBytes);
  SetCell(place, CellOf(TagOf(hash), at));
  ++count_;
  return true;
}

void CellTable::Erase(uint64_t hash, Location at) {
  size_t i = IndexOf(hash, at);
  for (Cell next; (next = CellAt(i + 1)) != 0 && HomeOf(TagOfCell(next)) <= i; ++i) {
    SetCell(i, next);
  }
  SetCell(i, 0);
  --count_;
  if (count_ == 0) {
    Clear();
  } else if (length_ > 16 && count_ < shrink_below_) {
    Rebuild(LengthFor(count_));
  }
}

void CellTable::Clear() {
  std::free(cells_);
  cells_ = nullptr;
  length_ = 0;
  count_ = 0;
}

void CellTable::Replace(uint64_t hash, Location from, Location to) {
  SetCell(IndexOf(hash, from), CellOf(TagOf(hash), to));
}

bool CellTable::Holds(uint64_t hash, Location at) const {
  if (count_ == 0) return false;
  const uint64_t tag = TagOf(hash);
  Cell cell;
  for (size_t i = HomeOf(tag); (cell = CellAt(i)) != 0 && TagOfCell(cell) <= tag; ++i) {
    if (LocationOf(cell) == at) return true;
  }
  return false;
}

size_t CellTable::IndexOf(uint64_t hash, Location at) const {
  size_t i = HomeOf(TagOf(hash));
  while (location_at(i) != at) ++i;
  return i;
}

size_t CellTable::LowerBound(uint64_t hash, const EntryReader& entries) const {
  return count_ == 0 ? length_ : PlaceOf(hash, entries);
}

size_t CellTable::PlaceOf(uint64_t hash, const EntryReader& entries) const {
  const uint64_t tag = TagOf(hash);
  size_t i = HomeOf(tag);
  for (Cell cell; (cell = CellAt(i)) != 0; ++i) {
    if (TagOfCell(cell) > tag) break;
    if (TagOfCell(cell) == tag && entries.HashAt(LocationOf(cell)) >= hash) break;
  }
  return i;
}

void CellTable::VisitEqual(uint64_t hash, const EntryReader& entries,
                           absl::FunctionRef<void(EntryRef)> visit) const {
  if (count_ == 0) return;
  const uint64_t tag = TagOf(hash);
  size_t i = HomeOf(tag);
  for (Cell cell; (cell = CellAt(i)) != 0 && TagOfCell(cell) <= tag; ++i) {
    if (TagOfCell(cell) < tag) continue;
    const EntryRef ref = entries.At(LocationOf(cell));
    const uint64_t found = entries.HashOf(*ref);
    if (found > hash) return;
    if (found == hash) visit(ref);
  }
}

size_t CellTable::ProbeLength(uint64_t hash) const {
  if (count_ == 0) return 0;
  const size_t home = HomeOf(TagOf(hash));
  size_t i = home;
  for (Cell cell; (cell = CellAt(i)) != 0 && TagOfCell(cell) <= TagOf(hash);) ++i;
  return i - home + 1;
}

size_t CellTable::Occupied(size_t index) const {
  while (index < length_ && CellAt(index) == 0) ++index;
  return index;
}

uint64_t CellTable::growth_bytes() const {
  if (count_ + 1 <= CountMax(length_)) return 0;
  // An allocator rounds up by an eighth at most, and Rebuild makes use of that.
  const size_t length = GrownLength(length_);
  return BytesOf(length + length / 8 + 2) - memory_bytes();
}

std::pair<CellTable, CellTable> CellTable::Split(const EntryReader& entries) {
  std::pair<CellTable, CellTable> halves{CellTable(prefix_bits_ + 1), CellTable(prefix_bits_ + 1)};
  size_t middle = 0;
  for (size_t i = 0, ahead = 0; i < length_; ++i) {
    for (; ahead < std::min<size_t>(i + kKeysAhead, length_); ++ahead) {
      if (const Location at = location_at(ahead); at != Location()) {
        PrefetchLine(entries.At(at).entry);
      }
    }
    const Cell cell = CellAt(i);
    if (cell == 0) continue;
    if ((TagOfCell(cell) & kUpperTag) == 0) {
      ++halves.first.count_;
      middle = i + 1;
    }
    SetCell(i, CellOf(halves.first.TagOf(entries.HashAt(LocationOf(cell))), LocationOf(cell)));
  }
  halves.second.count_ = count_ - halves.first.count_;
  halves.first.Fill({*this, 0, middle}, {*this, 0, 0}, LengthFor(halves.first.count_));
  halves.second.Fill({*this, middle, length_}, {*this, 0, 0}, LengthFor(halves.second.count_));
  Clear();
  return halves;
}

CellTable CellTable::Join(CellTable lower, CellTable upper) {
  CellTable joined(lower.prefix_bits_ - 1);
  joined.count_ = lower.count_ + upper.count_;
  for (CellTable* const half : {&lower, &upper}) {
    const uint64_t first_bit = half == &upper ? kUpperTag : 0;
    for (size_t i = 0; i < half->length_; ++i) {
      const Cell cell = half->CellAt(i);
      if (cell == 0) continue;
      half->SetCell(i, CellOf(first_bit | TagOfCell(cell) >> 1, LocationOf(cell)));
    }
  }
  joined.Fill({lower, 0, lower.length_}, {upper, 0, upper.length_}, LengthFor(joined.count_));
  return joined;
}

void CellTable::Rebuild(size_t length) {
  CellTable old = std::move(*this);
  prefix_bits_ = old.prefix_bits_;
  count_ = old.count_;
  Fill({old, 0, old.length_}, {old, 0, 0}, length);
}

void CellTable::Fill(const Range& first, const Range& second, size_t length) {
  for (bool done = false; !done; length = GrownLength(length)) {
    cells_ = static_cast<char*>(std::malloc(ArrayBytes(length)));
    if (cells_ == nullptr) throw std::bad_alloc();
    const size_t bytes = malloc_usable_size(cells_);
    length = (bytes - 1) / kCellBytes;
    std::memset(cells_, 0, bytes);
    length_ = static_cast<uint32_t>(length);
    size_t next = 0;  // first cell that is free; the old cells come in order
    for (const Range* const range : {&first, &second}) {
      for (size_t i = range->begin; i < range->end; ++i) {
        const Cell cell = range->table.CellAt(i);
        if (cell == 0) continue;
        const size_t place = std::max(next, HomeOf(TagOfCell(cell)));
        next = place + 1;
        if (next < length) SetCell(place, cell);
      }
    }
    done = next < length;
    if (!done) std::free(cells_);
  }
  // Entries that are removed in the order of their hashes leave the others crowded at the end, and
  // the table as long as it was: then the next try comes when a quarter of them is gone.
  shrink_below_ = std::min(length_ * 5 / 8, count_ - count_ / 4);
}

}  // namespace larder::storage
