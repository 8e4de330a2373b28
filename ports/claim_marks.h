// ClaimMarks: who still needs what lies in a folder of a claim store, told by names in the folder itself, so that it
// holds whether or not anybody reports the envelope (children that no task is known of, hooks after the end of a task).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "model/envelope.h"
#include "ports/claim_store.h"

namespace asya::ports {

// Set before an envelope puts its first payload into the folder.
inline constexpr std::string_view kHoldsMark = "holds-";
// Set after an envelope has ended and its last message is gone for good.
inline constexpr std::string_view kEndedMark = "ended-";
// Set when an envelope becomes a dead letter, which may name a payload: needed for as long as the letter is kept.
inline constexpr std::string_view kLetterMark = "letter-";
// Somebody removes the folder: no envelope that was not in it before may begin to use it.
inline constexpr const char* kRemovingMark = "removing";

// The mark of this kind for an envelope.
std::string ClaimMark(std::string_view kind, std::string_view envelope_id);

// What the marks of a folder say.
struct ClaimHolders {
  std::vector<std::string> open;     // folder names of the ids of envelopes that hold and have not ended, sorted
  std::vector<std::string> letters;  // the same of dead letters
  bool removing = false;
  bool any = false;  // an envelope holds, or has held
};
ClaimHolders HoldersOf(const ClaimFolder& folder);

// Whether the folder name is the id itself, and not a hash of it.
bool IsPlainId(const std::string& folder_name);

// Removes a folder that was judged to be needed no longer. 0: nothing was done, since an envelope has begun to use it
// after that; else how many payloads went. Can be broken off anywhere and done again; until then the folder is closed.
//
// Why no payload is taken from under an envelope that begins to use the folder at the same moment: it sets its mark
// first and then looks for kRemovingMark, and this sets kRemovingMark first and then looks for marks. At least one of
// them sees the other.
Result<std::int64_t> RemoveClaims(ClaimStore& store, const ClaimFolder& judged, std::chrono::milliseconds timeout);

}  // namespace asya::ports
