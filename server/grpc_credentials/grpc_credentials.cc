#include "server/grpc_credentials/grpc_credentials.h"

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <utility>

namespace larder::server {

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> GrpcServerCredentials(
    const TlsFiles& files) {
  if (!files.is_on()) return grpc::InsecureServerCredentials();
  absl::StatusOr<TlsTexts> texts = ReadTlsFiles(files);
  if (!texts.ok()) return texts.status();
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({std::move(texts->key), std::move(texts->certificates)});
  options.pem_root_certs = std::move(texts->client_ca);
  options.client_certificate_request =
      files.client_ca_file.empty() ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                   : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  return grpc::SslServerCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> GrpcChannelCredentials(
    const TlsFiles& files) {
  if (!files.is_on()) return grpc::InsecureChannelCredentials();
  absl::StatusOr<TlsTexts> texts = ReadTlsFiles(files);
  if (!texts.ok()) return texts.status();
  grpc::SslCredentialsOptions options;
  options.pem_private_key = std::move(texts->key);
  options.pem_cert_chain = std::move(texts->certificates);
  options.pem_root_certs = std::move(texts->client_ca);
  return grpc::SslCredentials(options);
}

}  // namespace larder::server
