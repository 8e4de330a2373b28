#include "model/reference.h"

#include <cctype>

namespace asya::model {
namespace {

constexpr const char* kDefaults =
    "\nA default is applied when the actor is rendered and is never stored: a stored one would hide every flavor.\n";

constexpr const char* kAnnotations = R"(
## Annotations

| annotation | value | meaning |
|---|---|---|
| `asya.sh/service-account` | `create` | Renders a ServiceAccount with the actor's cloud identity annotations. |
| `asya.sh/max-unavailable` | a number or percentage | Renders a PodDisruptionBudget. |
| `asya.sh/force-delete` | `true` | With the actor goes its queue, messages and all; a broker that is away keeps it. |
| `local.asya.sh/source-dir` | folder | Local mode: where the handler's code lies; set by `asya up`, or the project. |
| `local.asya.sh/python` | path | Local mode: the interpreter. Set by `asya up`. |
| `local.asya.sh/try` | arguments of `asya send` | `asya up` prints them with what to type next; on a Flow as well. |
)";

std::string Code(const std::string& text) { return "`" + text + "`"; }

// A pipe would end the cell.
std::string Cell(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string Join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string FormatWords(Format format) {
  switch (format) {
    case Format::kGoDuration:
      return "duration";
    case Format::kDnsLabel:
    case Format::kDnsSubdomain:
      return "DNS name";
    case Format::kActorName:
      return "actor name (at most 54)";
    case Format::kHttpUrl:
      return "URL";
    case Format::kJsonPointer:
      return "JSON Pointer";
    case Format::kAbsolutePath:
      return "absolute path";
    case Format::kDateTime:
      return "time";
    case Format::kNone:
    case Format::kEnvironmentName:
    case Format::kHandler:
    case Format::kImage:
    case Format::kErrorPattern:
      return "string";
  }
  return "string";
}

std::string TypeWords(const Schema& schema) {
  switch (schema.type) {
    case SchemaType::kString: {
      if (schema.choices.empty()) return FormatWords(schema.format);
      std::vector<std::string> choices;
      for (const std::string& choice : schema.choices) choices.push_back(Code(choice));
      return Join(choices);
    }
    case SchemaType::kInteger:
      return "integer";
    case SchemaType::kNumber:
      return "number";
    case SchemaType::kBoolean:
      return "boolean";
    case SchemaType::kObject:
      return "object";
    case SchemaType::kMap:
      return "map of " + TypeWords(schema.item.front());
    case SchemaType::kList:
      return "list of " + TypeWords(schema.item.front());
    case SchemaType::kAny:
      return "any";
    case SchemaType::kQuantity:
      return "quantity";
  }
  return "any";
}

std::string Limits(const Schema& schema) {
  std::string text;
  if (schema.minimum) text += " >= " + std::to_string(*schema.minimum);
  if (schema.maximum) text += (text.empty() ? " <= " : ", <= ") + std::to_string(*schema.maximum);
  if (schema.max_items) text += ", at most " + std::to_string(*schema.max_items);
  return text;
}

std::string DefaultWords(const Schema& schema) {
  if (schema.required) return "required";
  if (!schema.default_value) return "";
  return Code(schema.default_value->IsString() ? "\"" + schema.default_value->AsString() + "\""
                                               : json::Dump(*schema.default_value));
}

void AddRows(const Schema& schema, const std::string& path, std::string& out);

void AddFields(const Schema& schema, const std::string& path, std::string& out) {
  for (const Schema& field : schema.fields) AddRows(field, path.empty() ? field.name : path + "." + field.name, out);
}

void AddRows(const Schema& schema, const std::string& path, std::string& out) {
  out += "| " + Code(path) + " | " + Cell(TypeWords(schema) + Limits(schema)) + " | " + Cell(DefaultWords(schema)) +
         " | " + Cell(schema.description) + " |\n";
  if (schema.type == SchemaType::kObject) {
    AddFields(schema, path, out);
  } else if (schema.type == SchemaType::kMap && schema.item.front().type == SchemaType::kObject) {
    AddFields(schema.item.front(), path + ".{name}", out);
  } else if (schema.type == SchemaType::kList && schema.item.front().type == SchemaType::kObject) {
    AddFields(schema.item.front(), path + "[]", out);
  }
}

std::string Section(const KindInfo& kind, const char* part) {
  const Schema* schema = kind.schema.FindField(part);
  if (schema == nullptr) return {};
  std::string title(part);
  title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
  std::string text =
      "\n## " + title + "\n\n" + schema->description + "\n\n| field | type | default | meaning |\n|---|---|---|---|\n";
  AddFields(*schema, "", text);
  return text;
}

std::string Columns(const KindInfo& kind) {
  std::string text = "\n## Columns of `kubectl get`\n\n| column | shown | meaning |\n|---|---|---|\n";
  for (const Column& column : kind.columns) {
    text += "| " + column.name + " | " + (column.priority == 0 ? "always" : "`-o wide`") + " | " + column.description +
            " |\n";
  }
  return text;
}

}  // namespace

std::string ReferenceText(const KindInfo& kind) {
  std::string text = "<!-- Written from model/kinds by asya_model_test; ASYA_UPDATE_GOLDEN=1 writes it anew. -->\n# " +
                     kind.kind + "\n\n" + kind.schema.description + "\n\n";
  text += "`apiVersion: " + std::string(kApiVersion) + "`, `kind: " + kind.kind + "`, resource `" + kind.plural + "`";
  if (!kind.short_names.empty()) text += " (short: `" + Join(kind.short_names) + "`)";
  text += kind.namespaced ? ", in a namespace.\n" : ", cluster-wide.\n";
  const bool actor = kind.kind == "AsyncActor";
  if (actor || kind.kind == "Flavor") text += kDefaults;
  return text + Section(kind, "spec") + (actor ? kAnnotations : "") + Section(kind, "status") + Columns(kind);
}

}  // namespace asya::model
