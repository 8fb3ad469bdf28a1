#include "storage/copy_bytes.h"

#include <string>

#include "gtest/gtest.h"

namespace larder::storage {
namespace {

TEST(CopyBytesTest, CopiesThatManyBytesWhereverTheyLieInTheirPages) {
  constexpr size_t kPage = 4096;
  constexpr char kUntouched = '?';
  std::string from(4 * kPage, '\0');
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<char>(i * 31 % 251);
  for (const size_t bytes : {0, 1, 1023, 1024, 1025, 2048, 2049, 5000, 8192}) {
    for (const size_t from_offset : {0, 1, 4095}) {
      for (const size_t ahead : {0, 1, 9, 63, 64, 2000, 4095}) {
        std::string to(4 * kPage, kUntouched);
        // Where it is the same place in its page as the source's beginning, whatever `to` is.
        const size_t same = (from.data() + from_offset - to.data()) % kPage;
        const size_t at = same + ahead;
        CopyBytes(to.data() + at, from.data() + from_offset, bytes);
        EXPECT_EQ(to.substr(at, bytes), from.substr(from_offset, bytes));
        EXPECT_EQ(to.substr(0, at), std::string(at, kUntouched));
        EXPECT_EQ(to.substr(at + bytes), std::string(to.size() - at - bytes, kUntouched));
      }
    }
  }
}

}  // namespace
}  // namespace larder::storage
