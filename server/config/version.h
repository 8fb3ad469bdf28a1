#ifndef LARDER_SERVER_CONFIG_VERSION_H_
#define LARDER_SERVER_CONFIG_VERSION_H_

namespace larder::server {

// The release that runs, as CMake's project() has it.
inline constexpr char kVersion[] = LARDER_VERSION;

}  // namespace larder::server

#endif  // LARDER_SERVER_CONFIG_VERSION_H_
