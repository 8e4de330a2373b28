#include "server/claim_sweep.h"

#include <algorithm>
#include <utility>

#include "model/claim.h"
#include "model/envelope.h"
#include "ports/claim_marks.h"

namespace asya::server {
namespace {

constexpr std::size_t kPageFolders = 500;
constexpr std::chrono::milliseconds kCallTimeout{30'000};  // of one call of the store
constexpr std::chrono::seconds kLongestPeriod{60};
constexpr std::chrono::seconds kShortestPeriod{1};
// Dead letters whose id cannot be read from a mark are looked after for as long as any is kept.
constexpr std::chrono::hours kLetterAgeMax{24 * 91};

}  // namespace

ClaimSweep::ClaimSweep(Parts parts, const ClaimOptions& options)
    : parts_(std::move(parts)),
      grace_(options.grace),
      expiry_(options.expiry),
      period_(std::clamp<std::chrono::microseconds>(grace_ / 10, kShortestPeriod, kLongestPeriod)),
      removed_(parts_.metrics.MakeCounter("asya_claims_removed_total",
                                          "Payloads removed from the claim store after all that needed them ended.")),
      failures_(parts_.metrics.MakeCounter("asya_claim_sweep_failures_total",
                                           "Folders of the claim store that could not be looked after.")),
      folders_(parts_.metrics.MakeGauge("asya_claim_folders",
                                        "Envelopes and their children with payloads in the "
                                        "claim store, when it was last looked through.")),
      periodic_([this] {
        RunOnce();
        return Periodic::Every(period_);
      }) {}

void ClaimSweep::RunOnce() {
  std::string after;
  std::size_t seen = 0;
  for (;;) {
    const auto page = parts_.store.List(after, kPageFolders, kCallTimeout);
    if (!page.ok()) {
      failures_.Add();
      parts_.logger.Warning("the claim store could not be listed", {{"reason", page.error().message}});
      return;
    }
    if (page->empty()) break;
    for (const ports::ClaimFolder& folder : *page) {
      if (periodic_.stopping()) return;
      if (const Status swept = Sweep(folder); !swept.ok()) {
        failures_.Add();
        parts_.logger.Warning("payloads could not be looked after",
                              {{"folder", folder.name}, {"reason", swept.error().message}});
      }
    }
    seen += page->size();
    after = page->back().name;
  }
  folders_.Set(static_cast<double>(seen));
}

Status ClaimSweep::Sweep(const ports::ClaimFolder& folder) {
  ASYA_TRY(const bool may_go, MayGo(folder));
  if (!may_go) {
    // Of a removal that was broken off, when somebody began to use the folder.
    if (!ports::HoldersOf(folder).removing) return Ok();
    return parts_.store.Remove(folder.name, {ports::kRemovingMark}, kCallTimeout);
  }
  ASYA_TRY(const std::int64_t payloads, ports::RemoveClaims(parts_.store, folder, kCallTimeout));
  removed_.Add(static_cast<double>(payloads));
  if (payloads > 0) {
    parts_.logger.Debug("removed payloads that are needed no more", {{"root", folder.name}, {"payloads", payloads}});
  }
  return Ok();
}

Result<bool> ClaimSweep::MayGo(const ports::ClaimFolder& folder) {
  const ports::ClaimHolders holders = ports::HoldersOf(folder);
  const auto age = parts_.clock.Now() - folder.newest;
  const bool ended = folder.whole && holders.open.empty() && (holders.any || holders.removing);
  // One that is being removed was found old enough before.
  const bool old_enough = ended ? holders.removing || age >= grace_ : age >= expiry_;
  if (!old_enough) return false;
  if (ports::IsPlainId(folder.name)) {
    ASYA_TRY(const bool unfinished, IsUnfinished(folder.name));
    if (unfinished) return false;
  }
  std::vector<std::string> suspects = holders.letters;
  suspects.insert(suspects.end(), holders.open.begin(), holders.open.end());
  for (const std::string& id : suspects) {
    ASYA_TRY(const bool named, IsNamedByLetter(folder, id));
    if (named) return false;
  }
  return true;
}

Result<bool> ClaimSweep::IsUnfinished(const std::string& task) {
  const auto found = parts_.tasks.Get(task);
  if (found.ok()) return !ports::IsTerminal(found->status);
  if (found.error().code == ErrorCode::kNotFound) return false;
  return found.error();
}

Result<bool> ClaimSweep::IsNamedByLetter(const ports::ClaimFolder& folder, const std::string& id) {
  if (!ports::IsPlainId(id)) return parts_.clock.Now() - folder.newest < kLetterAgeMax;
  const auto letter = parts_.tasks.GetDeadLetter(id);
  if (!letter.ok()) {
    if (letter.error().code == ErrorCode::kNotFound) return false;
    return letter.error();
  }
  const auto envelope = model::ParseEnvelope(letter->envelope_json);
  const auto claim = envelope.ok() ? model::ClaimOf(*envelope) : std::nullopt;
  return claim && ports::ClaimFolderName(claim->root) == folder.name;
}

}  // namespace asya::server
