#include "apiserver/one_default.h"

#include "apiserver/object.h"
#include "model/transport_choice.h"

namespace asya::apiserver {

Admission OneDefaultTransport(ports::ObjectStore& store) {
  return [&store](AdmissionRequest& request) -> Outcome<Done> {
    const Resource& resource = *request.call.resource;
    if (resource.kind.kind != "Transport" || !model::IsDefaultTransport(request.object)) return Done{};
    if (request.old != nullptr && model::IsDefaultTransport(*request.old)) return Done{};
    const std::string name = MetadataText(request.object, "name");
    ports::ListQuery all;
    all.resource = resource.kind.plural;
    const auto page = store.List(all);
    if (!page.ok()) return FromStore(page.error(), resource, name);
    for (const ports::Record& record : page->items) {
      if (record.key.name == name) continue;
      ASYA_TRY(const json::Value other, ObjectOf(record));
      if (!model::IsDefaultTransport(other)) continue;
      return Invalid(resource, name,
                     {{"spec.default", "FieldValueInvalid",
                       "Invalid value: true: Transport \"" + record.key.name +
                           "\" is the default, and only one may be; set its spec.default to false first"}});
    }
    return Done{};
  };
}

}  // namespace asya::apiserver
