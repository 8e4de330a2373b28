#include "model/kinds/schemas.h"

namespace asya::model {
namespace {

Schema OwnerReferences() {
  return List(
             "ownerReferences", "Objects that this object depends on.",
             Object("", "",
                    {
                        String("apiVersion", "API version of the owner.").Required(),
                        String("kind", "Kind of the owner.").Required(),
                        String("name", "Name of the owner.").Required(),
                        String("uid", "UID of the owner.").Required(),
                        Boolean("controller", "Whether the owner manages this object."),
                        Boolean("blockOwnerDeletion", "Whether the owner's foreground deletion waits for this object."),
                    })
                 .Atomic())
      .KeyedBy({"uid"});
}

Schema ManagedFields() {
  return List("managedFields", "Which field manager set which field.",
              Object("", "",
                     {
                         String("manager", "Name of the field manager."),
                         String("operation", "Apply or Update."),
                         String("apiVersion", "Version the fields are written in."),
                         String("time", "When the entry last changed.").As(Format::kDateTime),
                         String("fieldsType", "FieldsV1."),
                         AnyValue("fieldsV1", "The set of fields."),
                         String("subresource", "Subresource through which the fields were set."),
                     }));
}

}  // namespace

Schema ObjectMetaSchema() {
  return Object(
      "metadata", "Standard object metadata.",
      {
          String("name", "Unique name of the object; cannot be changed."),
          String("generateName", "Prefix for a generated name, used when name is absent."),
          String("namespace", "Namespace of the object."),
          String("uid", "Unique in time and space; set by the server."),
          String("resourceVersion", "Version for optimistic concurrency; set by the server."),
          Integer("generation", "Grows with each change of the spec; set by the server."),
          String("creationTimestamp", "When the object was created; set by the server.").As(Format::kDateTime),
          String("deletionTimestamp", "When deletion was asked for; set by the server.").As(Format::kDateTime),
          Integer("deletionGracePeriodSeconds", "Seconds until deletion; set by the server."),
          Map("labels", "Key and value pairs to organise and select objects.", String("", "")),
          Map("annotations", "Key and value pairs for tools.", String("", "")),
          List("finalizers", "Deletion waits until the list is empty.", String("", "")).AsSet(),
          OwnerReferences(),
          ManagedFields(),
          String("selfLink", "No longer set."),
      });
}

std::vector<Schema> StatusFields() {
  return {
      Integer("observedGeneration", "The generation that the status speaks of; 0 on a new object."),
      List("conditions", "What holds and what does not, each with a reason and a message a person can act on.",
           Object("", "",
                  {
                      String("type", "Name of the condition.").Required(),
                      String("status", "True, False or Unknown.").Required().OneOf({"True", "False", "Unknown"}),
                      Integer("observedGeneration", "The generation that the condition speaks of."),
                      String("lastTransitionTime", "When the status last changed.").As(Format::kDateTime),
                      String("reason", "Why, in one CamelCase word."),
                      String("message", "Why, for a person."),
                  }))
          .KeyedBy({"type"}),
  };
}

Schema RootSchema(const std::string& description, Schema spec, Schema status) {
  std::vector<Schema> fields = {
      String("apiVersion", "asya.sh/v1alpha1."),
      String("kind", "The kind of the object."),
      ObjectMetaSchema(),
      std::move(spec),
  };
  if (!status.name.empty()) fields.push_back(std::move(status));
  return Object("", description, std::move(fields));
}

}  // namespace asya::model
