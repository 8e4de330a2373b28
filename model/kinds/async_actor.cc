#include "model/kinds/schemas.h"

namespace asya::model {
namespace {

constexpr std::size_t kFlavorLimit = 8;

Schema SecretRefs() {
  return List("secretRefs", "Keys of Secrets as environment variables of the runtime.",
              Object(
                  "", "",
                  {
                      String("secretName", "Name of the Secret.").Required().As(Format::kDnsSubdomain),
                      List("keys", "Which key becomes which variable.",
                           Object("", "",
                                  {
                                      String("key", "Key in the Secret.").Required(),
                                      String("envVar", "Name of the variable.").Required().As(Format::kEnvironmentName),
                                  }))
                          .Required(),
                  }))
      .KeyedBy({"secretName"});
}

Schema Sidecar() {
  return Object(
      "sidecar", "Overrides for the relay container.",
      {
          String("image", "Image of the relay.").As(Format::kImage),
          ImagePullPolicyField("When the relay's image is pulled."),
          EnvironmentField("Environment variables of the relay; the names that the product sets itself are refused."),
          ResourcesField("Requests and limits of the relay."),
      });
}

Schema WorkloadRef() {
  return Object("workloadRef",
                "Pods that someone else renders: no Deployment is made; the pods get the relay by the webhook.",
                {
                    String("apiVersion", "API version of the workload.").Required(),
                    String("kind", "Kind of the workload.").Required(),
                    String("name", "Name of the workload.").Required().As(Format::kDnsSubdomain),
                })
      .Atomic();
}

Schema InfrastructurePart(std::string name, std::string description, std::vector<Schema> more) {
  std::vector<Schema> fields = {Boolean("ready", "Whether it is as it should be."),
                                String("message", "Why not, for a person.")};
  for (Schema& field : more) fields.push_back(std::move(field));
  return Object(std::move(name), std::move(description), std::move(fields));
}

Schema ActorStatus() {
  std::vector<Schema> fields = StatusFields();
  fields.push_back(
      String("phase", "Short summary.").OneOf({"Creating", "Ready", "Napping", "Paused", "Degraded", "Terminating"}));
  fields.push_back(String("queueUrl", "Address of the queue."));
  fields.push_back(String("queueIdentifier", "Name of the queue at the broker."));
  fields.push_back(String("transport", "Transport in use."));
  fields.push_back(String("selector", "Label selector of the pods, for the scale subresource."));
  fields.push_back(Object(
      "infrastructure", "State of each part.",
      {
          InfrastructurePart("queue", "The queue.", {Integer("waiting", "Envelopes waiting.")}),
          InfrastructurePart("keda", "The autoscaler.", {}),
          InfrastructurePart("workload", "The pods.",
                             {Integer("replicas", "Replicas wanted."), Integer("readyReplicas", "Replicas ready.")}),
      }));
  fields.push_back(List("flavors", "Flavors in use, with the generation that was merged.",
                        Object("", "",
                               {
                                   String("name", "Name of the flavor.").Required(),
                                   Integer("generation", "Its generation."),
                               }))
                       .KeyedBy({"name"}));
  return Object("status", "What the control plane sees; written by it only.", std::move(fields));
}

std::vector<Column> ActorColumns() {
  return {
      {"Name", "string", "name", "Name of the actor.", 0, "metadata.name", ""},
      {"Status", "string", "", "Short summary.", 0, "status.phase", ""},
      {"Ready", "string", "", "Whether the actor can work.", 0, "condition:Ready", ""},
      {"Replicas", "integer", "", "Replicas.", 0, "status.infrastructure.workload.replicas", ""},
      {"Queue", "integer", "", "Envelopes waiting.", 0, "status.infrastructure.queue.waiting", ""},
      {"Age", "date", "", "Time since creation.", 0, "metadata.creationTimestamp", ""},
      {"Actor", "string", "", "Logical identity.", 1, "spec.actor", "metadata.name"},
      {"Transport", "string", "", "Transport in use.", 1, "status.transport", "spec.transport"},
      {"Image", "string", "", "Image of the runtime.", 1, "spec.image", ""},
  };
}

}  // namespace

Schema EndpointField() {
  return Object(
      "endpoint", "An HTTP model server that the relay calls instead of a handler.",
      {
          String("url", "Address of the server.").Required().As(Format::kHttpUrl),
          String("protocol", "What the server speaks.").OneOf({"json", "openai", "v2"}).Default("json"),
          String("method", "HTTP method.").OneOf({"POST", "PUT", "GET"}).Default("POST"),
          Map("headers", "Headers of each call; $(NAME) stands for a variable of env, envFrom or secretRefs.",
              String("", "").Secret()),
          String("timeout", "Longest call; actorTimeout by default.").As(Format::kGoDuration),
          String("input", "JSON Pointer to the part of the payload that is sent.").As(Format::kJsonPointer).Default(""),
          String("output", "JSON Pointer to the place in the payload where the answer goes.")
              .As(Format::kJsonPointer)
              .Default(""),
      });
}

Schema StateProxyField() {
  return List("stateProxy", "State of the handler as files, kept elsewhere; not served yet.",
              Object(
                  "", "",
                  {
                      String("name", "Name of the state.").Required().As(Format::kDnsLabel),
                      Object("mount", "Where the handler sees it.",
                             {String("path", "Absolute path.").Required().As(Format::kAbsolutePath)})
                          .Required(),
                      String("writeMode", "When writes go out.").OneOf({"buffered", "passthrough"}).Default("buffered"),
                      Object("connector", "What keeps the state.",
                             {
                                 String("image", "Image of a connector.").As(Format::kImage),
                                 String("type", "A connector of ours instead of an image."),
                                 EnvironmentField("Environment variables of the connector."),
                                 ResourcesField("Requests and limits of the connector."),
                             })
                          .Required(),
                  }))
      .KeyedBy({"name"});
}

std::vector<Schema> ActorSpecFields() {
  std::vector<Schema> fields = {
      String("actor",
             "Logical identity, metadata.name by default; names the queue asya-{namespace}-{actor}. Cannot be changed.")
          .As(Format::kActorName),
      String("image",
             "Container image of the runtime. Required unless endpoint or workloadRef is set or a flavor brings it.")
          .As(Format::kImage),
      String("handler",
             "module.function, module.Class.method or path/file.py:function. Required unless endpoint is set or a "
             "flavor brings it.")
          .As(Format::kHandler),
      EndpointField(),
      WorkloadRef(),
      String("transport", "Name of a Transport; by default the server's.").As(Format::kDnsSubdomain),
      Integer("concurrency", "Envelopes handled at once in one pod.").AtLeast(1).AtMost(1024).Default(1),
      ImagePullPolicyField("When the image is pulled.").Default("IfNotPresent"),
      String("pythonExecutable", "Path of the Python interpreter in the image.").Default("python3"),
      Integer("replicas", "Fixed number of replicas; only when scaling.enabled is false.")
          .AtLeast(1)
          .AtMost(10'000)
          .Default(1),
  };
  for (Schema& field : PodFields()) fields.push_back(std::move(field));
  fields.push_back(List("flavors", "Flavors merged from left to right below the actor's own fields.",
                        String("", "").As(Format::kDnsSubdomain))
                       .AsSet()
                       .MaxItems(kFlavorLimit));
  fields.push_back(SecretRefs());
  fields.push_back(ScalingField());
  fields.push_back(ResiliencyField());
  fields.push_back(Sidecar());
  fields.push_back(StateProxyField());
  fields.push_back(
      Object("tracing", "Where spans go.",
             {
                 String("endpoint", "OTLP endpoint.").Required(),
                 String("protocol", "OTLP protocol; grpc is not spoken yet.").OneOf({"grpc", "http"}).Default("http"),
             }));
  fields.push_back(Boolean("paused", "Scale to zero and stop consuming; the queue keeps filling.").Default(false));
  return fields;
}

KindInfo AsyncActorKind() {
  KindInfo kind;
  kind.plural = "asyncactors";
  kind.singular = "asyncactor";
  kind.kind = "AsyncActor";
  kind.short_names = {"asya", "actor"};
  kind.categories = {"asya-all"};
  kind.has_scale = true;
  kind.schema = RootSchema("A function behind a queue that scales on the work waiting for it.",
                           Object("spec", "What is wanted.", ActorSpecFields()).Required(), ActorStatus());
  kind.columns = ActorColumns();
  return kind;
}

KindInfo FlavorKind() {
  std::vector<Schema> fields;
  for (Schema& field : ActorSpecFields()) {
    if (field.name == "actor" || field.name == "transport" || field.name == "flavors") continue;
    fields.push_back(std::move(field));
  }
  KindInfo kind;
  kind.plural = "flavors";
  kind.singular = "flavor";
  kind.kind = "Flavor";
  kind.categories = {"asya-all"};
  kind.namespaced = false;
  kind.schema = RootSchema(
      "A part of an AsyncActor spec that actors take over by name.",
      Object("spec", "A partial AsyncActor spec, without actor, transport and flavors.", std::move(fields)).Required(),
      Object("status", "What the control plane sees; written by it only.", StatusFields()));
  kind.columns = {
      {"Name", "string", "name", "Name of the flavor.", 0, "metadata.name", ""},
      {"Age", "date", "", "Time since creation.", 0, "metadata.creationTimestamp", ""},
  };
  return kind;
}

}  // namespace asya::model
