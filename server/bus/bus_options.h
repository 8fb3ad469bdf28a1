#ifndef LARDER_SERVER_BUS_BUS_OPTIONS_H_
#define LARDER_SERVER_BUS_BUS_OPTIONS_H_

#include <cstddef>
#include <string>

#include "absl/time/time.h"
#include "cluster/wire/payload_compressor.h"
#include "cluster/wire/wire_limits.h"
#include "server/connections/endpoint.h"
#include "server/tls/tls_files.h"

namespace larder::server {

// What both ends of the bus are told.
struct BusOptions {
  // Of the bus at this node. Its certificate is shown to both; with client_ca_file both ends ask
  // for one of that authority, without the replica looks for the source's among the system's.
  TlsFiles tls;
  std::string cluster_secret;  // empty: not checked
  // A whole message of a source; larger than limits.payload_bytes_max by what is around a payload.
  // A longer one is refused before it is parsed.
  size_t message_bytes_max = size_t{33} << 20;
  cluster::WireLimits limits;
  // Makes both as large as they must be for records of so many bytes (--max_value_bytes, a key and
  // a header), and hardly larger. REQUIRES: batches and chunks are ended at kBatchBytesMax, or
  // before.
  static constexpr size_t kBatchBytesMax = size_t{1} << 20;
  void BoundMessages(size_t record_bytes_max) {
    limits.payload_bytes_max = kBatchBytesMax + record_bytes_max;
    message_bytes_max = limits.payload_bytes_max + 2 * limits.cursor_bytes_max + 4096;
  }
  cluster::CompressionOptions compression;
  absl::Duration keepalive_time = absl::Seconds(5);
  absl::Duration keepalive_timeout = absl::Seconds(5);
  // How long a message that is under way may still take when a stream is closed.
  absl::Duration close_grace = absl::Seconds(1);

  // ---- Of the source's end.
  // A message of a replica: histories and cursors, no payload.
  size_t request_bytes_max = size_t{256} << 10;
  Endpoint listen{"127.0.0.1", 17600};
  size_t streams_max = 64;
  size_t connections_max = 256;
  absl::Duration hello_timeout = absl::Seconds(5);

  // ---- Of the replica's end: until the source has taken the stream, TLS included.
  absl::Duration connect_timeout = absl::Seconds(3);
};

}  // namespace larder::server

#endif  // LARDER_SERVER_BUS_BUS_OPTIONS_H_
