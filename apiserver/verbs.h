// Verbs: what the API does with objects, one file a verb. All block on the store and run on the executor.
#pragma once

#include <string>

#include "apiserver/call.h"

namespace asya::apiserver {

Outcome<http::Response> GetObject(const Context& context, Call& call);
Outcome<http::Response> ListObjects(const Context& context, Call& call);
Outcome<http::Response> CreateObject(const Context& context, Call& call);
Outcome<http::Response> UpdateObject(const Context& context, Call& call);  // also /status
Outcome<http::Response> PatchObject(const Context& context, Call& call);   // also /status
Outcome<http::Response> ApplyObject(const Context& context, Call& call);   // a PATCH too; also /status
Outcome<http::Response> DeleteObject(const Context& context, Call& call);
Outcome<http::Response> DeleteCollection(const Context& context, Call& call);
Outcome<http::Response> GetScale(const Context& context, Call& call);
Outcome<http::Response> UpdateScale(const Context& context, Call& call);
Outcome<http::Response> PatchScale(const Context& context, Call& call);
Outcome<http::Response> ApplyScale(const Context& context, Call& call);
Outcome<http::Response> GetHistory(const Context& context, Call& call);
Outcome<http::Response> GetDiff(const Context& context, Call& call);
Outcome<http::Response> RestoreObject(const Context& context, Call& call);

// Whether the store has come to the revision that a read asks for (0: any); 504 "Too large resource version".
Outcome<Done> ReachRevision(const Context& context, const Call& call, ports::Revision asked);

}  // namespace asya::apiserver
