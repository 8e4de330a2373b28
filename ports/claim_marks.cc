#include "ports/claim_marks.h"

#include <algorithm>
#include <set>

namespace asya::ports {
namespace {

constexpr std::size_t kDigestDigits = 64;
constexpr std::string_view kHashed = "sha256-";

bool Begins(std::string_view name, std::string_view kind) { return name.substr(0, kind.size()) == kind; }

bool IsPayload(const std::string& name) { return name.size() == kDigestDigits && name.find('-') == std::string::npos; }

std::set<std::string> MarksOf(const ClaimFolder& folder, std::string_view kind) {
  std::set<std::string> ids;
  for (const std::string& name : folder.names) {
    if (Begins(name, kind)) ids.insert(name.substr(kind.size()));
  }
  return ids;
}

}  // namespace

std::string ClaimMark(std::string_view kind, std::string_view envelope_id) {
  return std::string(kind) + ClaimFolderName(envelope_id);
}

ClaimHolders HoldersOf(const ClaimFolder& folder) {
  ClaimHolders holders;
  const auto holds = MarksOf(folder, kHoldsMark);
  const auto ended = MarksOf(folder, kEndedMark);
  const auto letters = MarksOf(folder, kLetterMark);
  for (const std::string& id : holds) {
    if (!ended.contains(id) && !letters.contains(id)) holders.open.push_back(id);
  }
  holders.letters.assign(letters.begin(), letters.end());
  holders.removing = std::find(folder.names.begin(), folder.names.end(), kRemovingMark) != folder.names.end();
  holders.any = !holds.empty() || !ended.empty() || !letters.empty();
  return holders;
}

bool IsPlainId(const std::string& folder_name) { return !Begins(folder_name, kHashed); }

Result<std::int64_t> RemoveClaims(ClaimStore& store, const ClaimFolder& judged, std::chrono::milliseconds timeout) {
  ASYA_TRY_STATUS(store.SetMark(judged.name, kRemovingMark, timeout));
  ASYA_TRY(const ClaimFolder found, store.Look(judged.name, timeout));
  const auto before = HoldersOf(judged).open;
  const auto now = HoldersOf(found).open;
  if (!found.whole || !std::includes(before.begin(), before.end(), now.begin(), now.end())) {
    ASYA_TRY_STATUS(store.Remove(judged.name, {kRemovingMark}, timeout));
    return 0;
  }
  // Payloads first and what closes the folder last. Who holds goes before who has ended, so that half of the marks
  // never say that an envelope goes on.
  std::vector<std::string> names;
  std::int64_t payloads = 0;
  const auto add = [&](const auto& wanted) {
    for (const std::string& name : found.names) {
      if (wanted(name)) names.push_back(name);
    }
  };
  add(IsPayload);
  payloads = static_cast<std::int64_t>(names.size());
  add([](const std::string& name) { return Begins(name, kHoldsMark); });
  add([](const std::string& name) { return !IsPayload(name) && !Begins(name, kHoldsMark) && name != kRemovingMark; });
  names.emplace_back(kRemovingMark);
  ASYA_TRY_STATUS(store.Remove(judged.name, names, timeout));
  return payloads;
}

}  // namespace asya::ports
