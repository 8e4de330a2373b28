#include "model/warnings.h"

namespace asya::model {

std::vector<std::string> WarningsOf(const json::Value& spec) {
  const json::Value* protocol = spec.FindPath({"tracing", "protocol"});
  if (protocol == nullptr || !protocol->IsString() || protocol->AsString() != "grpc") return {};
  return {"spec.tracing.protocol: grpc is not spoken yet, so no spans are sent; http is the default"};
}

}  // namespace asya::model
