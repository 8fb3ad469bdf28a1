#include "server/replication/copy_cursor.h"

#include <gtest/gtest.h>

namespace larder::server {
namespace {

using storage::ScanPosition;

TEST(CopyCursorTest, ReadsWhatItWrites) {
  const storage::KeyHasher hasher(storage::HashSecret{{1, 2, 3, 4}});
  const CopyCursor cursors(hasher);
  for (const ScanPosition& position : {ScanPosition{}, ScanPosition{5, 77},
                                       ScanPosition{16383, UINT64_MAX}, ScanPosition{16384, 0}}) {
    EXPECT_EQ(cursors.Decode(cursors.Encode(position)).value(), position);
  }
  EXPECT_EQ(cursors.Decode("").value(), ScanPosition{});
}

TEST(CopyCursorTest, OfAnotherSecretGoesOnFromWhereTheSlotBegins) {
  const storage::KeyHasher hasher(storage::HashSecret{{1, 2, 3, 4}});
  const storage::KeyHasher other(storage::HashSecret{{1, 2, 3, 5}});
  const std::string cursor = CopyCursor(hasher).Encode({5, 77});
  EXPECT_EQ(CopyCursor(other).Decode(cursor).value(), (ScanPosition{5, 0}));
}

TEST(CopyCursorTest, RefusesWhatIsNone) {
  const storage::KeyHasher hasher(storage::HashSecret{{1, 2, 3, 4}});
  const CopyCursor cursors(hasher);
  EXPECT_FALSE(cursors.Decode("short").ok());
  EXPECT_FALSE(cursors.Decode(std::string(15, '\0')).ok());
  std::string beyond = cursors.Encode({16384, 0});
  beyond[1] = 1;
  EXPECT_EQ(cursors.Decode(beyond).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace larder::server
