#include "apiserver/openapi_history.h"

#include <utility>

#include "apiserver/revision.h"
#include "model/kinds.h"
#include "model/openapi.h"

namespace asya::apiserver {
namespace {

using model::AnyValue;
using model::Boolean;
using model::Integer;
using model::List;
using model::Object;
using model::Schema;
using model::String;

constexpr HistoryOperation::Query kUid{"uid", "string",
                                       "Only of the object with this uid, where several had the name."};

Schema Changes() {
  return List("changes", "What the later state has otherwise; absent where no earlier one is kept.",
              Object("", "",
                     {
                         String("path", "Where, as spec.env[name=A].value.").Required(),
                         AnyValue("old", "Absent: it was not there."),
                         AnyValue("new", "Absent: it is no longer there."),
                     }));
}

std::vector<Schema> Head() {
  return {
      String("revision", "The write, by its number in the one log of all writes.").Required(),
      String("time", "When.").As(model::Format::kDateTime),
      String("uid", "Of the object; others of the same name have others."),
      String("user", "Who."),
      String("userAgent", "With which program."),
      String("verb", "How: create, update, patch, delete, restore."),
      Boolean("deleted", "The object was deleted by it, or has been going since."),
  };
}

Schema Entry(const char* name, const char* description, const char* object) {
  Schema entry = Object(name, description, Head());
  entry.fields.push_back(AnyValue("object", object));
  return entry;
}

Schema HistoryListSchema() {
  Schema item = Entry("", "One write.", "The object after it.");
  item.fields.push_back(Changes());
  item.fields.push_back(Integer("changesLeftOut", "How many more changes there are than can be shown."));
  return Object("", "The writes of an object, newest first.",
                {
                    String("apiVersion", "asya.sh/v1alpha1."),
                    String("kind", "HistoryList."),
                    Object("metadata", "Metadata of the list.", {String("continue", "Token for older ones.")}),
                    List("items", "The writes.", std::move(item)).Required(),
                });
}

Schema DiffSchema() {
  const char* content = "What people write of the object: no status, no metadata of the server or of controllers.";
  return Object("", "Two states of an object and what differs.",
                {
                    String("apiVersion", "asya.sh/v1alpha1."),
                    String("kind", "Diff."),
                    Object("metadata", "Which object.", {String("name", "Name."), String("namespace", "Namespace.")}),
                    Entry("from", "The earlier state; null where none is kept.", content),
                    Entry("to", "The later state.", content),
                    Changes(),
                    Integer("changesLeftOut", "How many more changes there are than can be shown."),
                });
}

Schema RestoreSchema() {
  return Object("", "Which earlier state an object is brought back to.",
                {
                    String("apiVersion", "asya.sh/v1alpha1."),
                    String("kind", "Restore."),
                    String("revision", "A revision of the object's history."),
                    String("uid", "Of the object whose revision it is; without revision its last state is meant."),
                    String("resourceVersion", "What the object has to have now; another is a conflict."),
                });
}

json::Value Definition(const Schema& schema, const std::string& kind) {
  json::Value out = model::OpenApiOf(schema);
  out["x-kubernetes-group-version-kind"] = json::Array{
      json::Object{{"group", std::string(model::kGroup)}, {"kind", kind}, {"version", std::string(model::kVersion)}}};
  return out;
}

}  // namespace

const std::vector<HistoryOperation>& HistoryOperations() {
  static const std::vector<HistoryOperation> all = {
      {kHistoryPart,
       "History",
       "HistoryList",
       "get",
       {kUid,
        {"at", "string", "Only the one that was live at this time (RFC 3339)."},
        {"limit", "integer", "At most so many; 100 without it."},
        {"continue", "string", "Goes on where an answer ended."}}},
      {kDiffPart,
       "Diff",
       "Diff",
       "get",
       {kUid,
        {"from", "string", "The earlier revision; the one before `to` without it."},
        {"to", "string", "The later revision; the newest without it."}}},
      {kRestorePart,
       "Restore",
       "Restore",
       "post",
       {{"dryRun", "string", "All: check only, store nothing."},
        {"fieldManager", "string", "Who sets the fields."},
        {"fieldValidation", "string", "What to do about unknown fields: Ignore, Warn or Strict."}}},
  };
  return all;
}

std::string HistorySchemaName(const std::string& kind) { return "sh.asya.v1alpha1." + kind; }

json::Object HistoryDefinitions() {
  json::Object definitions;
  definitions[HistorySchemaName("HistoryList")] = Definition(HistoryListSchema(), "HistoryList");
  definitions[HistorySchemaName("Diff")] = Definition(DiffSchema(), "Diff");
  definitions[HistorySchemaName("Restore")] = Definition(RestoreSchema(), "Restore");
  return definitions;
}

}  // namespace asya::apiserver
