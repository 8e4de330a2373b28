// ResponseHead: the status line and header fields of a response as bytes. Internal to core/http.
#pragma once

#include <string>
#include <string_view>

#include "core/http/message.h"

namespace asya::http {

enum class Framing { kLength, kChunked, kUntilClose };

// CR and LF in field values are left out, so that no value can add a field.
std::string ResponseHead(const Response& response, Framing framing, bool close);

// A part of a chunked body; of no bytes: its end. https://www.rfc-editor.org/rfc/rfc9112#section-7.1
std::string Chunk(std::string_view bytes);

// With all that `more` gives in the body: for peers that know no chunks. Takes as long as all of it takes to make.
Response InOnePiece(Response response);

}  // namespace asya::http
