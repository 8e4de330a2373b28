#include "compositions/actor_composer.h"

#include "compositions/context.h"
#include "compositions/defaults.h"
#include "compositions/flavors.h"
#include "compositions/steps.h"
#include "model/kinds.h"
#include "model/validation.h"
#include "model/warnings.h"

namespace asya::compositions {
namespace {

std::string TextAt(const json::Value& object, std::initializer_list<std::string_view> path, const char* fallback) {
  const json::Value* value = object.FindPath(path);
  return value != nullptr && value->IsString() && !value->AsString().empty() ? value->AsString() : fallback;
}

Status Refuse(const std::vector<model::Cause>& causes) {
  if (causes.empty()) return Ok();
  // The field is named in the text too when there are several.
  if (causes.size() == 1) return Invalid(causes.front().field, causes.front().message);
  return Invalid(causes.front().field, model::Describe(causes));
}

Result<Context> MakeContext(const Settings& settings, const ports::ComposeInput& input) {
  ASYA_TRY(json::Value spec, MergeFlavors(input.actor, input.flavors));
  ASYA_TRY_STATUS(Refuse(model::ValidateEffectiveSpec(spec)));
  Context context{settings, input.actor, ApplyDefaults(std::move(spec)), {}, {}, {}, {}, {}, {},
                  {},       {},          input.credentials_version};
  context.name = TextAt(input.actor, {"metadata", "name"}, "");
  context.namespace_ = TextAt(input.actor, {"metadata", "namespace"}, "default");
  context.identity = model::ActorIdentity(input.actor);
  context.uid = TextAt(input.actor, {"metadata", "uid"}, "");
  context.queue = model::ActorQueueName(input.actor);
  context.transport = TextAt(input.transport, {"metadata", "name"}, "");
  context.transport_type = TextAt(input.transport, {"spec", "type"}, "");
  if (context.name.empty()) return Invalid("metadata.name", "Required value");
  if (context.transport_type.empty()) return Invalid("spec.transport", "the transport has no type");
  const json::Value* block = input.transport.FindPath({"spec", context.transport_type});
  context.transport_block = block != nullptr && block->IsObject() ? *block : json::Value(json::Object());
  ASYA_TRY_STATUS(Refuse(model::ValidateQueueName(input.actor, context.transport_type)));
  ASYA_TRY_STATUS(CheckSettings(context));
  return context;
}

void Add(std::vector<json::Value>& objects, std::optional<json::Value> object) {
  if (object) objects.push_back(std::move(*object));
}

}  // namespace

Result<ports::RenderedSet> ActorComposer::Compose(const ports::ComposeInput& input) const {
  ASYA_TRY(const Context context, MakeContext(settings_, input));
  ports::RenderedSet set;
  set.warnings = model::WarningsOf(context.spec);
  Add(set.objects, RenderServiceAccount(context));
  Add(set.objects, RenderConfigMap(context));
  Add(set.objects, RenderGatewayConfigMap(context));
  Add(set.objects, RenderTriggerAuthentication(context));
  const auto deployment = RenderDeployment(context);
  if (deployment) {
    set.objects.push_back(*deployment);
    set.initial.push_back(WithFirstReplicas(context, *deployment));
  }
  Add(set.objects, RenderScaledObject(context, set.warnings));
  Add(set.objects, RenderDisruptionBudget(context));
  set.injected = RenderInjectedParts(context);
  set.queue = ports::QueueSpec{context.queue, context.uid};
  set.effective_spec = context.spec;
  return set;
}

}  // namespace asya::compositions
