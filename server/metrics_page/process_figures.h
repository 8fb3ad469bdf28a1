#ifndef LARDER_SERVER_METRICS_PAGE_PROCESS_FIGURES_H_
#define LARDER_SERVER_METRICS_PAGE_PROCESS_FIGURES_H_

#include <cstdint>

namespace larder::server {

// What the kernel says of this process. A figure that cannot be read is 0.
struct ProcessFigures {
  double cpu_seconds = 0;
  double start_time_seconds = 0;  // since the Unix epoch
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t open_descriptors = 0;
  uint64_t open_descriptors_max = 0;
  uint64_t threads = 0;
};

ProcessFigures ReadProcessFigures();

// Only the resident memory, which is cheaper.
uint64_t ReadResidentBytes();

}  // namespace larder::server

#endif  // LARDER_SERVER_METRICS_PAGE_PROCESS_FIGURES_H_
