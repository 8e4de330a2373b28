#include "core/http/client.h"

#include <mutex>
#include <utility>
#include <vector>

#include "core/http/curl_call.h"

namespace asya::http {

struct Client::Pool {
  static constexpr std::size_t kKeptHandles = 16;  // each keeps its own connections
  std::mutex mutex;
  std::vector<CURL*> idle;
};

Client::Client() : pool_(std::make_unique<Pool>()) { InitialiseCurl(); }

Client::~Client() {
  for (CURL* curl : pool_->idle) curl_easy_cleanup(curl);
}

Result<ClientResponse> Client::Call(const ClientRequest& request) {
  CURL* curl = nullptr;
  {
    const std::lock_guard lock(pool_->mutex);
    if (!pool_->idle.empty()) {
      curl = pool_->idle.back();
      pool_->idle.pop_back();
    }
  }
  if (curl == nullptr) curl = curl_easy_init();
  if (curl == nullptr) return Fail(ErrorCode::kInternal, "libcurl has no handle");
  CurlCall call(request);
  call.SetUp(curl);
  auto outcome = call.Finish(curl, curl_easy_perform(curl));
  {
    const std::lock_guard lock(pool_->mutex);
    if (pool_->idle.size() < Pool::kKeptHandles) pool_->idle.push_back(std::exchange(curl, nullptr));
  }
  if (curl != nullptr) curl_easy_cleanup(curl);
  return outcome;
}

}  // namespace asya::http
