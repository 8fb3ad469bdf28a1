#ifndef LARDER_TESTS_SIMULATION_CLUSTER_FAILOVER_MATRIX_H_
#define LARDER_TESTS_SIMULATION_CLUSTER_FAILOVER_MATRIX_H_

#include <cstdint>

namespace larder::simulation {

struct MatrixOptions {
  uint64_t runs = 200;  // of each row
  int64_t node_timeout_ms = 1000;
  int64_t delay_ms = 10;  // one way
  uint64_t first_seed = 1;
};

// How long the slots of a primary are not served, by how it was lost; printed as a table. False: in
// some run they were not served again, or a promise was broken.
bool RunFailoverMatrix(const MatrixOptions& options);

}  // namespace larder::simulation

#endif  // LARDER_TESTS_SIMULATION_CLUSTER_FAILOVER_MATRIX_H_
