#include "model/kinds/schemas.h"

namespace asya::model {
namespace {

Schema AdditionalTriggers() {
  return List(
      "additionalTriggers", "Further KEDA triggers.",
      Object(
          "", "",
          {
              String("type", "KEDA trigger type, e.g. cron.").Required(),
              String("name", "Unique name of the trigger."),
              Map("metadata", "Settings of the trigger.", String("", "")).Required(),
              String("metricType", "How the value is compared.").OneOf({"AverageValue", "Value", "Utilization"}),
              Boolean("useCachedMetrics", "Use the value of the last poll."),
              Object("authenticationRef", "TriggerAuthentication of the trigger.",
                     {
                         String("name", "Its name.").Required(),
                         String("kind", "Its kind.").OneOf({"TriggerAuthentication", "ClusterTriggerAuthentication"}),
                     }),
          }));
}

Schema Advanced() {
  return Object("advanced", "KEDA's own settings.",
                {
                    Boolean("restoreToOriginalReplicaCount", "Restore the replica count when the ScaledObject goes."),
                    String("formula", "Expression over trigger names; needs target and mode native."),
                    String("target", "Target of the formula, e.g. \"5\"; mode native only."),
                    String("activationTarget",
                           "Value of the formula above which the actor is woken from zero; mode native only."),
                    String("metricType", "How the formula's value is compared.").OneOf({"AverageValue", "Value"}),
                });
}

Schema Policy() {
  return Object(
      "", "",
      {
          Integer("maxAttempts", "Handler results until the policy is exhausted.")
              .AtLeast(1)
              .AtMost(1'000'000)
              .Default(3),
          String("backoff", "How the delay grows.").OneOf({"constant", "linear", "exponential"}).Default("exponential"),
          String("initialDelay", "Delay before the second attempt.").As(Format::kGoDuration).Default("1s"),
          String("initialInterval", "Alias of initialDelay; give only one of them.").As(Format::kGoDuration),
          String("maxInterval", "Longest delay.").As(Format::kGoDuration).Default("300s"),
          String("maxDuration", "Give up this long after the first attempt.").As(Format::kGoDuration),
          Boolean("jitter", "Draw each delay from [0.5, 1] of it.").Default(true),
          List("onExhausted", "Actors that an exhausted envelope goes to instead of failing.",
               String("", "").As(Format::kActorName)),
      });
}

}  // namespace

Schema ScalingField() {
  return Object(
      "scaling", "From how many to how many replicas, and on what signal.",
      {
          Boolean("enabled", "Scale by the work waiting; false keeps a fixed number of replicas.").Default(true),
          Integer("minReplicaCount", "Least replicas.").AtLeast(0).AtMost(10'000).Default(0),
          Integer("maxReplicaCount", "Most replicas.").AtLeast(1).AtMost(10'000).Default(10),
          Integer("pollingInterval", "Seconds between two looks of KEDA.").AtLeast(1).AtMost(86'400).Default(30),
          Integer("cooldownPeriod", "Seconds without work before the last replica goes.")
              .AtLeast(0)
              .AtMost(604'800)
              .Default(300),
          Integer("queueLength", "Envelopes waiting that one replica is meant for.").AtLeast(1).Default(5),
          String("mode", "managed: our scaler decides, KEDA acts; native: KEDA's own broker trigger.")
              .OneOf({"managed", "native"})
              .Default("managed"),
          AdditionalTriggers(),
          Advanced(),
      });
}

Schema ResiliencyField() {
  return Object(
      "resiliency", "What happens when the handler fails or takes too long.",
      {
          String("actorTimeout", "Longest run of the handler for one envelope.").As(Format::kGoDuration).Default("5m"),
          Map("policies",
              "Named retry policies; `default` is used where no rule matches. Without it a failure is final at once.",
              Policy()),
          List("rules", "Which policy an error takes; the first match wins.",
               Object("", "",
                      {
                          List("errors",
                               "Error types: with a dot the full name of the type or of an ancestor, without a dot its "
                               "last part.",
                               String("", "").As(Format::kErrorPattern))
                              .Required(),
                          String("policy", "Name of the policy.").Required(),
                      })),
      });
}

}  // namespace asya::model
