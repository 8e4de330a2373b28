#include "model/kinds/schemas.h"

namespace asya::model {
namespace {

// Parts of a PodSpec are described as far as we read them; what lies deeper is kept as written and judged by
// Kubernetes.
Schema EnvFrom() {
  return List("envFrom", "ConfigMaps and Secrets whose keys become environment variables of the runtime.",
              Object("", "",
                     {
                         String("prefix", "Put before each name."),
                         Object("configMapRef", "The ConfigMap.",
                                {String("name", "Its name.").Required(), Boolean("optional", "May be missing.")})
                             .Atomic(),
                         Object("secretRef", "The Secret.",
                                {String("name", "Its name.").Required(), Boolean("optional", "May be missing.")})
                             .Atomic(),
                     }));
}

Schema Tolerations() {
  return List("tolerations", "Taints that the pods tolerate.",
              Object("", "",
                     {
                         String("key", "Taint key."),
                         String("operator", "How the value is compared.").OneOf({"Exists", "Equal"}),
                         String("value", "Taint value."),
                         String("effect", "Taint effect.").OneOf({"NoSchedule", "PreferNoSchedule", "NoExecute"}),
                         Integer("tolerationSeconds", "How long a NoExecute taint is tolerated."),
                     }));
}

Schema TopologySpreadConstraints() {
  return List("topologySpreadConstraints", "How the pods are spread over zones and nodes.",
              Object("", "",
                     {
                         Integer("maxSkew", "Largest allowed difference.").Required().AtLeast(1),
                         String("topologyKey", "Node label to spread over.").Required(),
                         String("whenUnsatisfiable", "What to do otherwise.")
                             .Required()
                             .OneOf({"DoNotSchedule", "ScheduleAnyway"}),
                     })
                  .Open())
      .KeyedBy({"topologyKey", "whenUnsatisfiable"});
}

Schema Containers(std::string name, std::string description) {
  return List(
             std::move(name), std::move(description),
             Object("", "",
                    {
                        String("name", "Name of the container; asya-runtime, asya-relay and asya-state-* are reserved.")
                            .Required()
                            .As(Format::kDnsLabel),
                        String("image", "Image of the container.").As(Format::kImage),
                        ImagePullPolicyField("When the image is pulled."),
                        EnvironmentField("Environment variables."),
                        ResourcesField("Requests and limits."),
                    })
                 .Open())
      .KeyedBy({"name"});
}

Schema Volumes() {
  return List("volumes", "Volumes of the pods, as in a PodSpec.",
              Object("", "",
                     {String("name", "Name of the volume; socket-dir and asya-* are reserved.")
                          .Required()
                          .As(Format::kDnsLabel)})
                  .Open())
      .KeyedBy({"name"});
}

Schema VolumeMounts() {
  return List("volumeMounts", "Where the volumes appear in the runtime container.",
              Object("", "",
                     {
                         String("name", "Name of the volume.").Required(),
                         String("mountPath", "Path in the container.").Required(),
                         Boolean("readOnly", "Mount without writing."),
                         String("subPath", "Part of the volume to mount."),
                     })
                  .Open())
      .KeyedBy({"mountPath"});
}

}  // namespace

Schema EnvironmentField(const std::string& description) {
  return List("env", description,
              Object("", "",
                     {
                         String("name", "Name of the variable.").Required().As(Format::kEnvironmentName),
                         String("value", "Its value.").Secret(),
                         Object("valueFrom", "Where the value comes from, as in a PodSpec.", {}).Open(),
                     }))
      .KeyedBy({"name"});
}

Schema ResourcesField(const std::string& description) {
  return Object("resources", description,
                {
                    Map("limits", "Most that may be used, e.g. {\"nvidia.com/gpu\": \"1\"}.", Quantity("", "")),
                    Map("requests", "What is reserved.", Quantity("", "")),
                    List("claims", "Claims of dynamic resource allocation.",
                         Object("", "", {String("name", "Name of the claim.").Required()}).Open())
                        .KeyedBy({"name"}),
                });
}

Schema ImagePullPolicyField(const std::string& description) {
  return String("imagePullPolicy", description).OneOf({"Always", "IfNotPresent", "Never"});
}

std::vector<Schema> PodFields() {
  return {
      EnvironmentField(
          "Environment variables of the runtime; the ASYA_ names that the product sets itself are refused."),
      EnvFrom(),
      ResourcesField("Requests and limits of the runtime."),
      Map("nodeSelector", "Labels that a node must have.", String("", "")).Atomic(),
      Tolerations(),
      Object("affinity", "Scheduling affinity, as in a PodSpec.", {}).Open(),
      TopologySpreadConstraints(),
      Volumes(),
      VolumeMounts(),
      Containers("initContainers", "Containers that run before the runtime starts."),
      Containers("sidecars", "Further containers of the pod."),
      String("serviceAccountName", "ServiceAccount of the pods.").As(Format::kDnsSubdomain),
      List("imagePullSecrets", "Secrets for pulling images.",
           Object("", "", {String("name", "Name of the Secret.").Required()}))
          .KeyedBy({"name"}),
      Object("securityContext",
             "Security settings of the runtime container; they override the restricted defaults one by one.", {})
          .Open(),
      Object("podSecurityContext", "Security settings of the pod; they override the restricted defaults one by one.",
             {})
          .Open(),
      String("priorityClassName", "PriorityClass of the pods.").As(Format::kDnsSubdomain),
      String("runtimeClassName", "RuntimeClass of the pods.").As(Format::kDnsSubdomain),
      Integer("terminationGracePeriodSeconds", "Seconds for a clean end; by default actorTimeout plus a margin.")
          .AtLeast(0),
      Map("podAnnotations", "Annotations of the pods.", String("", "")),
      Map("podLabels", "Labels of the pods.", String("", "")),
  };
}

}  // namespace asya::model
