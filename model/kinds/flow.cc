#include "model/kinds/schemas.h"

namespace asya::model {
namespace {

Schema ToolFields() {
  return Object("mcp", "How the flow appears as an MCP tool.",
                {
                    Object("inputSchema", "JSON Schema of the payload.", {}).Open(),
                    Object("outputSchema", "JSON Schema of the result.", {}).Open(),
                    Object("annotations", "MCP tool annotations.", {}).Open(),
                });
}

Schema SkillFields() {
  return Object("a2a", "How the flow appears as an A2A skill.",
                {
                    List("tags", "Tags of the skill.", String("", "")),
                    List("examples", "Example prompts.", String("", "")),
                    List("inputModes", "Media types taken.", String("", "")),
                    List("outputModes", "Media types given.", String("", "")),
                });
}

}  // namespace

KindInfo FlowKind() {
  KindInfo kind;
  kind.plural = "flows";
  kind.singular = "flow";
  kind.kind = "Flow";
  kind.categories = {"asya-all"};
  kind.schema = RootSchema(
      "What the outside may call: a named way through actors.",
      Object("spec", "The way and its faces.",
             {
                 String("description", "What the flow does, for people and agents."),
                 String("entrypoint", "Actor that an envelope goes to first.").Required().As(Format::kActorName),
                 List("routeNext", "Actors after the first.", String("", "").As(Format::kActorName)).MaxItems(1000),
                 String("timeout", "Deadline of a task from its start.").As(Format::kGoDuration),
                 ToolFields(),
                 SkillFields(),
                 Object("graph", "Nodes, edges and groups as the flow compiler wrote them.", {}).Open(),
             })
          .Required(),
      Object("status", "What the control plane sees; written by it only.", StatusFields()));
  kind.columns = {
      {"Name", "string", "name", "Name of the flow.", 0, "metadata.name", ""},
      {"Entrypoint", "string", "", "First actor.", 0, "spec.entrypoint", ""},
      {"Ready", "string", "", "Whether all actors of the flow exist.", 0, "condition:Ready", ""},
      {"Age", "date", "", "Time since creation.", 0, "metadata.creationTimestamp", ""},
      {"Description", "string", "", "What the flow does.", 1, "spec.description", ""},
  };
  return kind;
}

}  // namespace asya::model
