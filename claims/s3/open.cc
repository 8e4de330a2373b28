#include "claims/s3/open.h"

#include <fstream>
#include <iterator>

namespace asya::claims::s3 {

Result<std::unique_ptr<ports::ClaimStore>> OpenStore(const S3Settings& given, observe::Metrics& metrics,
                                                     const std::string& metric_prefix) {
  Settings settings;
  settings.bucket = given.bucket;
  settings.prefix = given.prefix;
  settings.region = given.region;
  settings.endpoint = given.endpoint;
  if (!given.ca_file.empty()) {
    std::ifstream file(given.ca_file);
    settings.ca_pem.assign(std::istreambuf_iterator<char>(file), {});
    if (settings.ca_pem.empty()) return Invalid("ASYA_CLAIM_S3_CA_FILE", given.ca_file + " cannot be read");
  }
  settings.credentials = aws::CredentialSettingsOfProcess(given.region);
  return std::unique_ptr<ports::ClaimStore>(
      std::make_unique<Store>(std::move(settings), RealClock(), metrics, metric_prefix));
}

}  // namespace asya::claims::s3
