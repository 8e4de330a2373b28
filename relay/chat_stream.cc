#include "relay/chat_stream.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/json/parse.h"

namespace asya::relay {
namespace {

// Members that some servers repeat in each chunk; all other texts come in pieces.
constexpr std::array<std::string_view, 4> kWhole = {"id", "name", "role", "type"};

std::int64_t IndexOf(const json::Value& item, std::size_t otherwise) {
  return item.GetInt("index").value_or(static_cast<std::int64_t>(otherwise));
}

// The entry with that index, made where it is missing.
Result<json::Value*> Entry(json::Array& items, std::int64_t index) {
  for (json::Value& item : items) {
    if (item.GetInt("index") == index) return &item;
  }
  if (items.size() >= ChatStream::kItemsMax) {
    return Invalid("", "a streamed completion of more than " + std::to_string(ChatStream::kItemsMax) + " parts");
  }
  items.emplace_back(json::Object{{"index", index}});
  return &items.back();
}

Status Merge(json::Value& into, const json::Value& delta);

Status MergeItems(json::Value& into, const json::Array& items) {
  if (!into.IsArray()) into = json::Array();
  for (const json::Value& item : items) {
    if (!item.GetInt("index")) {
      into.AsArray().push_back(item);  // log probabilities and the like: one after the other
      continue;
    }
    ASYA_TRY(json::Value * entry, Entry(into.AsArray(), *item.GetInt("index")));
    ASYA_TRY_STATUS(Merge(*entry, item));
  }
  return Ok();
}

Status Merge(json::Value& into, const json::Value& delta) {
  if (delta.IsNull()) return Ok();
  if (!delta.IsObject() || !into.IsObject()) {
    into = delta;
    return Ok();
  }
  for (const auto& [key, value] : delta.AsObject()) {
    json::Value& target = into[key];
    const bool whole = std::find(kWhole.begin(), kWhole.end(), key) != kWhole.end();
    if (value.IsString() && target.IsString() && !whole) {
      target.AsString() += value.AsString();
    } else if (value.IsArray()) {
      ASYA_TRY_STATUS(MergeItems(target, value.AsArray()));
    } else if (value.IsObject() && target.IsNull()) {
      target = json::Object();
      ASYA_TRY_STATUS(Merge(target, value));
    } else {
      ASYA_TRY_STATUS(Merge(target, value));
    }
  }
  return Ok();
}

}  // namespace

Result<bool> ChatStream::Take(std::string_view data) {
  if (data == "[DONE]") {
    done_ = true;
    return false;
  }
  ASYA_TRY(const json::Value chunk, json::Parse(data));
  if (!chunk.IsObject()) return Invalid("", "a chunk of the stream is no object");
  if (const json::Value* error = chunk.Find("error"); error != nullptr && !error->IsNull()) {
    error_ = *error;
    done_ = true;
    return false;
  }
  const json::Value* choices = chunk.Find("choices");
  if (choices == nullptr || !choices->IsArray()) return Invalid("choices", "a chunk of the stream has no choices");
  for (const auto& [key, value] : chunk.AsObject()) {
    if (key != "choices" && key != "object" && !value.IsNull()) head_[key] = value;
  }
  for (const json::Value& choice : choices->AsArray()) ASYA_TRY_STATUS(TakeChoice(choice));
  return !choices->AsArray().empty();
}

Status ChatStream::TakeChoice(const json::Value& choice) {
  if (!choice.IsObject()) return Invalid("choices", "a choice of the stream is no object");
  ASYA_TRY(json::Value * entry, Entry(choices_, IndexOf(choice, 0)));
  for (const auto& [key, value] : choice.AsObject()) {
    if (key == "delta") {
      json::Value& message = (*entry)["message"];
      if (!message.IsObject()) message = json::Object{{"content", nullptr}, {"role", "assistant"}};
      ASYA_TRY_STATUS(Merge(message, value.IsObject() ? value : json::Value(json::Object())));
    } else if (key == "logprobs" && value.IsObject()) {
      json::Value& target = (*entry)["logprobs"];
      if (!target.IsObject()) target = json::Object();
      ASYA_TRY_STATUS(Merge(target, value));
    } else if (key != "index" && (!value.IsNull() || entry->Find(key) == nullptr)) {
      (*entry)[key] = value;
    }
  }
  return Ok();
}

bool ChatStream::complete() const {
  if (done_) return true;
  return !choices_.empty() && std::all_of(choices_.begin(), choices_.end(), [](const json::Value& choice) {
    return choice.GetString("finish_reason").has_value();
  });
}

json::Value ChatStream::Completion() const {
  json::Object completion = head_;
  completion["object"] = "chat.completion";
  json::Array choices = choices_;
  std::stable_sort(choices.begin(), choices.end(),
                   [](const json::Value& a, const json::Value& b) { return IndexOf(a, 0) < IndexOf(b, 0); });
  completion["choices"] = std::move(choices);
  return completion;
}

}  // namespace asya::relay
