#include "cluster/kubernetes/transport_credentials.h"

#include <algorithm>
#include <set>

#include "cluster/kubernetes/child_kinds.h"
#include "core/base/base64.h"
#include "core/base/random.h"

namespace asya::cluster::kubernetes {
namespace {

constexpr const char* kCopyLabel = "asya.sh/credentials-of";
constexpr const char* kVersionAnnotation = "asya.sh/credentials-version";
constexpr const char* kApplyPatch = "application/apply-patch+yaml";  // JSON is YAML
constexpr std::size_t kVersionBytes = 8;
constexpr std::size_t kLabelBytesMax = 63;
// A Secret that nobody has asked for so long is looked at no more.
constexpr std::chrono::minutes kForgotten{10};

std::string PathOf(const std::string& namespace_, const std::string& name) {
  return "/api/v1/namespaces/" + namespace_ + "/secrets/" + name;
}

std::map<std::string, std::string> DataOf(const json::Value& secret) {
  std::map<std::string, std::string> data;
  const json::Value* all = secret.Find("data");
  if (all == nullptr || !all->IsObject()) return data;
  for (const auto& [key, value] : all->AsObject()) {
    if (value.IsString()) data[key] = value.AsString();
  }
  return data;
}

// A cluster that is away for a moment says nothing about a Secret.
template <typename Anything>
bool IsTold(const Result<Anything>& answer) {
  return answer.ok() || answer.error().code == ErrorCode::kNotFound || answer.error().code == ErrorCode::kForbidden;
}

std::string Cut(const std::string& name) { return name.substr(0, kLabelBytesMax); }

std::string VersionAnnotation(const json::Value& secret) {
  const json::Value* version = secret.FindPath({"metadata", "annotations", kVersionAnnotation});
  return version != nullptr && version->IsString() ? version->AsString() : std::string();
}

bool IsCopy(const json::Value& secret, const std::string& transport) {
  return LabelOf(secret, kCopyLabel) == Cut(transport);
}

}  // namespace

TransportCredentials::TransportCredentials(Client& client, Settings settings, const Clock& clock, observe::Logger log)
    : client_(client), settings_(std::move(settings)), clock_(clock), log_(std::move(log)), looks_([this] {
        LookAgain();
        return Periodic::Every(kLook);
      }) {}

TransportCredentials::~TransportCredentials() { Stop(); }

void TransportCredentials::Start() { looks_.Start(Periodic::Every(kLook)); }

void TransportCredentials::Stop() { looks_.Stop(); }

std::shared_ptr<void> TransportCredentials::Subscribe(std::function<void(const std::string&)> on_change) {
  return subscribers_.Add(std::move(on_change));
}

TransportCredentials::Place TransportCredentials::PlaceOf(const json::Value& reference) const {
  return {reference.GetString("namespace").value_or(settings_.namespace_), reference.GetString("name").value_or("")};
}

Result<TransportCredentials::Data> TransportCredentials::Fetch(const Place& place) {
  const auto secret = client_.Get(PathOf(place.namespace_, place.name));
  if (secret.ok()) return DataOf(*secret);
  const std::string what = "Secret " + place.namespace_ + "/" + place.name;
  if (secret.error().code == ErrorCode::kNotFound) return Fail(ErrorCode::kNotFound, "there is no " + what);
  return Fail(secret.error().code, what + " cannot be read: " + secret.error().message);
}

void TransportCredentials::Use(const Place& place, const json::Value& transport) {
  const std::lock_guard lock(mutex_);
  const auto found = seen_.find(place);
  if (found != seen_.end()) found->second.users[MetadataOf(transport, "name")] = clock_.Steady();
}

Result<TransportCredentials::Data> TransportCredentials::Read(const Place& place, const std::string& transport) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = seen_.find(place);
    if (found != seen_.end()) found->second.users[transport] = clock_.Steady();
    if (found != seen_.end() && clock_.Steady() - found->second.at < kLook) return found->second.data;
  }
  Result<Data> data = Fetch(place);
  {
    const std::lock_guard lock(mutex_);
    seen_.try_emplace(place, Seen{data, clock_.Steady(), {}}).first->second.users[transport] = clock_.Steady();
  }
  return Keep(place, std::move(data));
}

Result<TransportCredentials::Data> TransportCredentials::Keep(const Place& place, Result<Data> data) {
  std::set<std::string> users;
  {
    const std::lock_guard lock(mutex_);
    const auto found = seen_.find(place);
    if (found == seen_.end()) return data;
    Seen& seen = found->second;
    seen.at = clock_.Steady();
    if (seen.data.ok() && !IsTold(data)) return seen.data;
    const bool same = data.ok() ? seen.data.ok() && *seen.data == *data
                                : !seen.data.ok() && seen.data.error().code == data.error().code;
    seen.data = data;
    if (same || !IsTold(data)) return data;
    for (const auto& [transport, at] : seen.users) users.insert(transport);
  }
  log_.Info("a Secret of transports has changed", {{"namespace", place.namespace_}, {"name", place.name}});
  for (const std::string& transport : users) subscribers_.Call(transport);
  return data;
}

void TransportCredentials::LookAgain() {
  std::set<Place> places;
  {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.Steady();
    for (auto& [place, seen] : seen_) {
      std::erase_if(seen.users, [now](const auto& user) { return now - user.second > kForgotten; });
    }
    std::erase_if(seen_, [](const auto& entry) { return entry.second.users.empty(); });
    for (const auto& [place, seen] : seen_) places.insert(place);
  }
  for (const Place& place : places) {
    if (looks_.stopping()) return;
    Result<Data> data = Fetch(place);
    if (IsTold(data)) static_cast<void>(Keep(place, std::move(data)).ok());
  }
}

Result<TransportCredentials::Data> TransportCredentials::Needed(const Place& place, const json::Value& transport) {
  const std::string name = MetadataOf(transport, "name");
  ASYA_TRY(const Data all, Read(place, name));
  Data needed;
  for (const ports::CredentialKey& one : ports::CredentialKeys(ports::TransportType(transport))) {
    const auto found = all.find(one.key);
    if (found == all.end()) {
      return Fail(ErrorCode::kNotFound, "Secret " + place.namespace_ + "/" + place.name + " has no key \"" + one.key +
                                            "\", which Transport " + name + " of type " +
                                            ports::TransportType(transport) + " needs");
    }
    needed[one.key] = found->second;
  }
  return needed;
}

Result<ports::Credentials::Values> TransportCredentials::ForServer(const json::Value& transport) {
  const json::Value* reference = ports::AdminCredentialsReference(transport);
  if (reference == nullptr) reference = ports::CredentialsReference(transport);
  if (reference == nullptr) return Values{};
  const Place place = PlaceOf(*reference);
  if (const json::Value* pods = ports::CredentialsReference(transport)) Use(PlaceOf(*pods), transport);
  const auto data = Needed(place, transport);
  if (!IsTold(data)) return data.error();
  Values values;
  for (const ports::CredentialKey& one : ports::CredentialKeys(ports::TransportType(transport))) {
    if (!data.ok()) {
      const auto own = settings_.own.find(one.variable);
      if (own == settings_.own.end()) return data.error();
      values[one.variable] = own->second;
      continue;
    }
    const auto value = DecodeBase64(data->at(one.key));
    if (!value) return Invalid("", "key \"" + one.key + "\" of Secret " + place.name + " is no base64");
    values[one.variable] = *value;
  }
  return values;
}

Result<std::string> TransportCredentials::Provide(const json::Value& transport, const std::string& namespace_) {
  const json::Value* reference = ports::CredentialsReference(transport);
  if (reference == nullptr) return std::string();
  const std::string name = MetadataOf(transport, "name");
  const Place source = PlaceOf(*reference);
  const Place copy{namespace_, ports::PodCredentialsName(name)};
  ASYA_TRY(const Data data, Needed(source, transport));
  // Somebody looks after it by hand, and rolls the pods then.
  if (source == copy) return std::string();
  {
    const std::lock_guard lock(mutex_);
    const auto known = copies_.find(copy);
    const bool trusted = known != copies_.end() && clock_.Steady() - known->second.at < kCopyTrusted;
    if (trusted && known->second.data == data) return known->second.version;
  }
  ASYA_TRY(const std::string version, MakeCopy(copy, name, data));
  const std::lock_guard lock(mutex_);
  copies_[copy] = Copy{version, data, clock_.Steady()};
  return version;
}

Result<std::string> TransportCredentials::MakeCopy(const Place& copy, const std::string& transport, const Data& data) {
  const std::string path = PathOf(copy.namespace_, copy.name);
  const std::string what = "Secret " + copy.namespace_ + "/" + copy.name + ", by which pods have the credentials of " +
                           "Transport " + transport + ", ";
  const auto found = client_.Get(path);
  if (!found.ok() && found.error().code != ErrorCode::kNotFound) {
    return Fail(found.error().code, what + "cannot be read: " + found.error().message);
  }
  if (found.ok() && !IsCopy(*found, transport)) {
    return Fail(ErrorCode::kConflict, what + "was made by somebody else; delete it, or rename the Transport");
  }
  if (found.ok() && DataOf(*found) == data && !VersionAnnotation(*found).empty()) return VersionAnnotation(*found);
  // Drawn: a digest of the values would let whoever reads a pod try passwords.
  const std::string version = RandomHex(kVersionBytes);
  json::Object values;
  for (const auto& [key, value] : data) values[key] = value;
  json::Object metadata{{"name", copy.name},
                        {"namespace", copy.namespace_},
                        {"labels", json::Object{{"app.kubernetes.io/managed-by", "asya"},
                                                {"app.kubernetes.io/part-of", "asya"},
                                                {kCopyLabel, Cut(transport)}}},
                        {"annotations", json::Object{{kVersionAnnotation, version}}}};
  if (found.ok()) metadata["uid"] = MetadataOf(*found, "uid");
  const auto made = client_.Send({"PATCH", path + "?force=true&fieldManager=asya",
                                  json::Object{{"apiVersion", "v1"},
                                               {"kind", "Secret"},
                                               {"metadata", std::move(metadata)},
                                               {"type", "Opaque"},
                                               {"data", std::move(values)}},
                                  kApplyPatch});
  if (!made.ok()) return Fail(made.error().code, what + "cannot be written: " + made.error().message);
  log_.Info("pods have the credentials of a transport",
            {{"transport", transport}, {"namespace", copy.namespace_}, {"version", version}});
  return version;
}

Status TransportCredentials::Withdraw(const std::string& transport, const std::string& namespace_) {
  const Place copy{namespace_, ports::PodCredentialsName(transport)};
  {
    const std::lock_guard lock(mutex_);
    copies_.erase(copy);
  }
  const std::string path = PathOf(copy.namespace_, copy.name);
  const auto found = client_.Get(path);
  if (!found.ok() && found.error().code == ErrorCode::kNotFound) return Ok();
  if (!found.ok()) return found.error();
  if (!IsCopy(*found, transport)) return Ok();
  const json::Object options{{"apiVersion", "v1"},
                             {"kind", "DeleteOptions"},
                             {"preconditions", json::Object{{"uid", MetadataOf(*found, "uid")}}}};
  const auto deleted = client_.Send({"DELETE", path, options});
  return deleted.ok() || deleted.error().code == ErrorCode::kNotFound ? Ok() : Status(deleted.error());
}

}  // namespace asya::cluster::kubernetes
