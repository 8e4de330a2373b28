// Feeds arbitrary bodies to the webhooks: what is answered can be read, a patch can be applied, and what it makes of a
// pod needs no second one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "core/json/json_patch.h"
#include "core/json/parse.h"
#include "webhooks/admission.h"
#include "webhooks/injection.h"
#include "webhooks/test_actor.h"

namespace {

namespace wh = asya::webhooks;
using Parts = std::shared_ptr<const asya::ports::InjectedParts>;

// The actor "handler" has all that an actor can have; any other name is a model server's.
asya::Result<Parts> Find(const std::string& /*namespace_*/, const std::string& actor) {
  static const Parts handler = std::make_shared<const asya::ports::InjectedParts>(
      wh::PartsOf(R"("handler":"m.f","env":[{"name":"A","value":"1"}],"imagePullSecrets":[{"name":"s"}],)"
                  R"("volumes":[{"name":"data","emptyDir":{}}],"volumeMounts":[{"name":"data","mountPath":"/data"}],)"
                  R"("stateProxy":[{"name":"x","mount":{"path":"/state"},"connector":{"image":"c"}}])"));
  static const Parts server = std::make_shared<const asya::ports::InjectedParts>(wh::PartsOf(wh::kModelServer));
  return actor == "handler" ? handler : server;
}

void CheckAnswer(const wh::Review& review, const wh::Verdict& verdict) {
  const auto answer = asya::json::Parse(wh::RenderReview(review.uid, verdict));
  if (!answer.ok() || answer->FindPath({"response", "uid"})->AsString() != review.uid) std::abort();
  if (!verdict.allowed && (verdict.message.empty() || !verdict.patch.empty())) std::abort();
}

void CheckPatch(wh::Review review, const asya::json::Array& patch) {
  const auto operations = asya::json::ParseJsonPatch(patch);
  if (!operations.ok()) std::abort();
  auto after = asya::json::ApplyJsonPatch(review.object, *operations, 256);
  if (!after.ok()) {
    // A pod so large that no API would take it.
    if (after.error().code == asya::ErrorCode::kTooLarge) return;
    std::abort();
  }
  review.object = *after;
  const wh::Verdict again = wh::InjectPod(review, Find);
  if (!again.allowed || !again.patch.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto review = wh::ParseReview(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!review.ok()) return 0;
  const wh::Verdict injected = wh::InjectPod(*review, Find);
  CheckAnswer(*review, injected);
  if (!injected.patch.empty()) CheckPatch(*review, injected.patch);
  CheckAnswer(*review, wh::CheckPod(*review));
  CheckAnswer(*review, wh::CheckKind(*review));
  return 0;
}
