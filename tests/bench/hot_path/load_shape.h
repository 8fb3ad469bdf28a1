#ifndef LARDER_TESTS_BENCH_HOT_PATH_LOAD_SHAPE_H_
#define LARDER_TESTS_BENCH_HOT_PATH_LOAD_SHAPE_H_

namespace larder::bench {

// How many connections there are, and how many operations are unanswered on each.
struct LoadShape {
  int connections = 1;
  int in_flight = 1;

  friend bool operator==(const LoadShape&, const LoadShape&) = default;
};

}  // namespace larder::bench

#endif  // LARDER_TESTS_BENCH_HOT_PATH_LOAD_SHAPE_H_
