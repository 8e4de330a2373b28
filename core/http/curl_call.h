// CurlCall: one call as libcurl makes it, whoever drives it. Internal to core/http.
#pragma once

#include <curl/curl.h>

#include "core/http/client.h"

namespace asya::http {

// Lives as long as the call, at one place: libcurl points into it.
struct CurlCall {
  explicit CurlCall(const ClientRequest& what) : request(what) {}
  ~CurlCall() { curl_slist_free_all(headers); }
  CurlCall(const CurlCall&) = delete;
  CurlCall& operator=(const CurlCall&) = delete;

  // Makes `curl`, which may have served before, ready for this call.
  void SetUp(CURL* curl);
  // What became of it. To be called once.
  Result<ClientResponse> Finish(CURL* curl, CURLcode code);

  const ClientRequest& request;
  ClientResponse response;
  curl_slist* headers = nullptr;
  bool too_large = false;
  bool ended_by_caller = false;
};

// Once in a process, before anything else of libcurl.
void InitialiseCurl();

}  // namespace asya::http
