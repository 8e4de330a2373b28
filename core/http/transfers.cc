#include "core/http/transfers.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "core/http/curl_call.h"

namespace asya::http {
namespace {

constexpr std::size_t kKeptHandles = 16;

}  // namespace

struct Transfers::State {
  struct Transfer {
    explicit Transfer(ClientRequest what) : request(std::move(what)), call(request) {}
    ClientRequest request;
    CurlCall call;
    Done done;
    Id id = 0;
    CURL* curl = nullptr;
  };

  // Takes the transfer out; libcurl knows it no more.
  std::unique_ptr<Transfer> TakeOut(std::map<Id, std::unique_ptr<Transfer>>::iterator place) {
    auto transfer = std::move(place->second);
    transfers.erase(place);
    curl_multi_remove_handle(multi, transfer->curl);
    return transfer;
  }
  void Keep(CURL* curl) {
    if (idle.size() < kKeptHandles) {
      idle.push_back(curl);
    } else {
      curl_easy_cleanup(curl);
    }
  }

  CURLM* multi = nullptr;
  std::vector<CURL*> idle;
  std::map<Id, std::unique_ptr<Transfer>> transfers;
  Id last_id = 0;
};

Transfers::Transfers(std::size_t connections_max) : state_(std::make_unique<State>()) {
  InitialiseCurl();
  state_->multi = curl_multi_init();
  ASYA_CHECK(state_->multi != nullptr);
  const long limit = static_cast<long>(connections_max);
  curl_multi_setopt(state_->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, limit);
  curl_multi_setopt(state_->multi, CURLMOPT_MAXCONNECTS, limit);
}

Transfers::~Transfers() {
  while (!state_->transfers.empty()) curl_easy_cleanup(state_->TakeOut(state_->transfers.begin())->curl);
  for (CURL* curl : state_->idle) curl_easy_cleanup(curl);
  curl_multi_cleanup(state_->multi);
}

Transfers::Id Transfers::Begin(ClientRequest request, Done done) {
  auto transfer = std::make_unique<State::Transfer>(std::move(request));
  transfer->done = std::move(done);
  transfer->id = ++state_->last_id;
  if (state_->idle.empty()) {
    transfer->curl = curl_easy_init();
    ASYA_CHECK(transfer->curl != nullptr);
  } else {
    transfer->curl = state_->idle.back();
    state_->idle.pop_back();
  }
  transfer->call.SetUp(transfer->curl);
  curl_easy_setopt(transfer->curl, CURLOPT_PRIVATE, transfer.get());
  curl_multi_add_handle(state_->multi, transfer->curl);
  const Id id = transfer->id;
  state_->transfers.emplace(id, std::move(transfer));
  return id;
}

void Transfers::Cancel(Id id) {
  const auto found = state_->transfers.find(id);
  if (found == state_->transfers.end()) return;
  curl_easy_cleanup(state_->TakeOut(found)->curl);
}

void Transfers::Turn(std::chrono::milliseconds limit) {
  int running = 0;
  curl_multi_perform(state_->multi, &running);
  if (running == static_cast<int>(state_->transfers.size())) {
    const auto wait = std::clamp<std::int64_t>(limit.count(), 0, 3'600'000);
    curl_multi_poll(state_->multi, nullptr, 0, static_cast<int>(wait), nullptr);
    curl_multi_perform(state_->multi, &running);
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(state_->multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    State::Transfer* ended = nullptr;
    const CURLcode code = message->data.result;  // the message is gone once its handle is removed
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &ended);
    const auto transfer = state_->TakeOut(state_->transfers.find(ended->id));
    auto outcome = transfer->call.Finish(transfer->curl, code);
    state_->Keep(transfer->curl);
    transfer->done(std::move(outcome));
  }
}

void Transfers::Wake() { curl_multi_wakeup(state_->multi); }

std::size_t Transfers::count() const { return state_->transfers.size(); }

}  // namespace asya::http
