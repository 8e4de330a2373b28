// OpenAPI of the history: what the subresources history, diff and restore take and answer.
#pragma once

#include <string>
#include <vector>

#include "core/json/value.h"

namespace asya::apiserver {

// One of the subresources, which has one method.
struct HistoryOperation {
  const char* part;    // "history"
  const char* suffix;  // "History", of the operation's id
  const char* kind;    // of what is answered; of a restore: of what is sent, for it answers the object
  const char* method;
  struct Query {
    const char* name;
    const char* type;
    const char* description;
  };
  std::vector<Query> queries;
};

const std::vector<HistoryOperation>& HistoryOperations();
// "sh.asya.v1alpha1.HistoryList"
std::string HistorySchemaName(const std::string& kind);
// By that name.
json::Object HistoryDefinitions();

}  // namespace asya::apiserver
