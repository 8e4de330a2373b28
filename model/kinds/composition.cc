#include "model/kinds/schemas.h"

namespace asya::model {
namespace {

constexpr std::size_t kPipelineStepsMax = 99;

Schema SecretReference(std::string name, std::string description) {
  return Object(std::move(name), std::move(description),
                {
                    String("namespace", "Namespace of the Secret.").Required().As(Format::kDnsLabel),
                    String("name", "Name of the Secret.").Required().As(Format::kDnsSubdomain),
                });
}

Schema Credentials() {
  return List(
             "credentials", "Secrets that the function is given.",
             Object("", "",
                    {
                        String("name", "Name under which the function sees them.").Required().As(Format::kDnsSubdomain),
                        String("source", "Where they come from; None passes nothing.")
                            .Required()
                            .OneOf({"None", "Secret"}),
                        SecretReference("secretRef", "The Secret; only where the source is Secret."),
                    }))
      .KeyedBy({"name"});
}

Schema Step() {
  return Object("", "",
                {
                    String("step", "Name of the step.").Required().As(Format::kDnsSubdomain),
                    Object("functionRef", "Function of the step.",
                           {String("name", "Name of a Function.").Required().As(Format::kDnsSubdomain)})
                        .Required(),
                    Object("input", "Input of the function, an object of a kind of its own.", {}).Open(),
                    Credentials(),
                });
}

Schema CompositionSpec() {
  return Object("spec", "The pipeline.",
                {
                    Object("compositeTypeRef", "The kind that is composed; cannot be changed.",
                           {
                               String("apiVersion", "Its API version.").Required().OneOf({std::string(kApiVersion)}),
                               String("kind", "Its name.").Required().OneOf({"AsyncActor"}),
                           })
                        .Required(),
                    String("mode", "How resources are made.").OneOf({"Pipeline"}).Default("Pipeline"),
                    List("pipeline", "Steps after the built-in ones, in their order; at least one.", Step())
                        .Required()
                        .MaxItems(kPipelineStepsMax)
                        .KeyedBy({"step"}),
                })
      .Required();
}

}  // namespace

KindInfo CompositionKind() {
  KindInfo kind;
  kind.plural = "compositions";
  kind.singular = "composition";
  kind.kind = "Composition";
  kind.categories = {"asya-all"};
  kind.namespaced = false;
  kind.schema = RootSchema(
      "How one kind becomes many resources: an ordered pipeline of functions. Stored and checked, not "
      "acted on yet.",
      CompositionSpec(), Object("status", "What the control plane sees; written by it only.", StatusFields()));
  kind.columns = {
      {"Name", "string", "name", "Name of the composition.", 0, "metadata.name", ""},
      {"XR-Kind", "string", "", "The kind that is composed.", 0, "spec.compositeTypeRef.kind", ""},
      {"XR-APIVersion", "string", "", "Its API version.", 0, "spec.compositeTypeRef.apiVersion", ""},
      {"Age", "date", "", "Time since creation.", 0, "metadata.creationTimestamp", ""},
  };
  return kind;
}

KindInfo FunctionKind() {
  KindInfo kind;
  kind.plural = "functions";
  kind.singular = "function";
  kind.kind = "Function";
  kind.categories = {"asya-all"};
  kind.namespaced = false;
  kind.schema = RootSchema(
      "A composition function that runs outside the server. Stored and checked, not acted on yet.",
      Object("spec", "Where the function answers.",
             {
                 String("endpoint", "HOST:PORT of its gRPC service; an IPv6 address in brackets.").Required(),
                 String("timeout", "Longest call.").As(Format::kGoDuration).Default("60s"),
                 SecretReference("tlsSecretRef",
                                 "Secret with tls.crt, tls.key and ca.crt of the connection; without it, it is "
                                 "not encrypted."),
             })
          .Required(),
      Object("status", "What the control plane sees; written by it only.", StatusFields()));
  kind.columns = {
      {"Name", "string", "name", "Name of the function.", 0, "metadata.name", ""},
      {"Endpoint", "string", "", "Where it answers.", 0, "spec.endpoint", ""},
      {"Age", "date", "", "Time since creation.", 0, "metadata.creationTimestamp", ""},
  };
  return kind;
}

}  // namespace asya::model
