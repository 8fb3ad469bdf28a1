#ifndef LARDER_TESTS_SERVER_IMMEDIATE_BACKGROUND_H_
#define LARDER_TESTS_SERVER_IMMEDIATE_BACKGROUND_H_

#include <utility>

#include "server/handlers/background.h"

namespace larder::server {

// Does at once what it is given.
class ImmediateBackground final : public Background {
 public:
  void Post(Work work) override { std::move(work)(absl::OkStatus()); }
};

}  // namespace larder::server

#endif  // LARDER_TESTS_SERVER_IMMEDIATE_BACKGROUND_H_
