// Options: the query parameters of reads and writes, checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apiserver/outcome.h"
#include "apiserver/request_info.h"
#include "core/http/message.h"
#include "ports/object_store.h"

namespace asya::apiserver {

enum class FieldValidation { kIgnore, kWarn, kStrict };

struct WriteOptions {
  bool dry_run = false;
  FieldValidation field_validation = FieldValidation::kWarn;
  std::string field_manager;  // empty: not given
  bool force = false;         // of an apply: take over what others own
};

inline constexpr std::size_t kFieldManagerLimitBytes = 128;

// `kind`: CreateOptions, UpdateOptions or PatchOptions, for messages.
Outcome<WriteOptions> ParseWriteOptions(const http::Request& request, const std::string& kind);
Outcome<bool> ParseDryRun(const std::vector<std::string>& values, const std::string& kind);

struct ListOptions {
  ports::Selector selector;
  std::optional<std::string> namespace_;  // nullopt: all
  bool selects_nothing = false;           // contradictory field selectors
  std::int64_t limit = 0;
  std::string continue_token;
  std::string revision;        // as given; empty: the most recent
  std::string revision_match;  // Exact, NotOlderThan or empty
  std::optional<std::int64_t> timeout_s;
  bool bookmarks = false;
  std::optional<bool> send_initial_events;
  // The revision as a number; 0 for "" and "0".
  [[nodiscard]] std::int64_t RevisionNumber() const;
};

// For lists and, where `watch`, watches.
Outcome<ListOptions> ParseListOptions(const http::Request& request, const RequestInfo& info, bool watch);

// "" or "0", or a decimal number above zero without leading zeros. nullopt for anything else.
std::optional<std::int64_t> ParseRevision(const std::string& text);

}  // namespace asya::apiserver
