// Numbers of fields are those of gnostic's OpenAPIv2.proto.
#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <utility>

#include "apiserver/openapi_v2.h"

namespace asya::apiserver {
namespace {

// One message that is being written.
class Message {
 public:
  void Number(unsigned field, std::uint64_t value) {
    Tag(field, 0);
    Varint(value);
  }
  void Double(unsigned field, double value) {
    Tag(field, 1);
    const auto bits = std::bit_cast<std::uint64_t>(value);
    for (unsigned shift = 0; shift < 64; shift += 8) bytes_ += static_cast<char>((bits >> shift) & 255U);
  }
  void Text(unsigned field, std::string_view value) {
    Tag(field, 2);
    Varint(value.size());
    bytes_ += value;
  }
  void Nested(unsigned field, const Message& message) { Text(field, message.bytes_); }
  std::string Take() && { return std::move(bytes_); }

 private:
  void Tag(unsigned field, unsigned wire_type) { Varint((field << 3U) | wire_type); }
  void Varint(std::uint64_t value) {
    for (; value > 127; value >>= 7U) bytes_ += static_cast<char>((value & 127U) | 128U);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

// A plain member of a message.
struct Field {
  enum class Form { kText, kBool, kInteger, kDouble, kTexts, kAny, kAnys };
  std::string_view name;
  unsigned number;
  Form form;
};

Message Wrapped(unsigned field, const Message& message) {
  Message outer;
  outer.Nested(field, message);
  return outer;
}

// Any: JSON text, which is YAML too.
Message EncodeAny(const json::Value& value) {
  Message any;
  any.Text(2, json::Dump(value));
  return any;
}

Message Named(const std::string& name, const Message& value) {
  Message named;
  named.Text(1, name);
  named.Nested(2, value);
  return named;
}

void EncodeField(Message& message, const Field& field, const json::Value& value) {
  switch (field.form) {
    case Field::Form::kText:
      return message.Text(field.number, value.AsString());
    case Field::Form::kBool:
      if (value.AsBool()) message.Number(field.number, 1);
      return;
    case Field::Form::kInteger:
      return message.Number(field.number, static_cast<std::uint64_t>(value.AsInt()));
    case Field::Form::kDouble:
      return message.Double(field.number, value.AsDouble());
    case Field::Form::kTexts:
      for (const json::Value& item : value.AsArray()) message.Text(field.number, item.AsString());
      return;
    case Field::Form::kAny:
      return message.Nested(field.number, EncodeAny(value));
    case Field::Form::kAnys:
      for (const json::Value& item : value.AsArray()) message.Nested(field.number, EncodeAny(item));
      return;
  }
}

// A member that needs more than a number and a form; false where it is none of these.
using Special = std::function<bool(Message&, const std::string& name, const json::Value&)>;

// Every member has to have its place: one that was left out would be lost without a word.
template <std::size_t N>
Message Encode(const json::Value& value, const std::array<Field, N>& fields, unsigned extension,
               const Special& special = nullptr) {
  Message message;
  for (const auto& [name, member] : value.AsObject()) {
    if (name.rfind("x-", 0) == 0) {
      message.Nested(extension, Named(name, EncodeAny(member)));
      continue;
    }
    bool known = special != nullptr && special(message, name, member);
    for (const Field& field : fields) {
      if (known || field.name != name) continue;
      EncodeField(message, field, member);
      known = true;
    }
    ASYA_CHECK(known);
  }
  return message;
}

using Form = Field::Form;

constexpr std::array<Field, 14> kSchemaFields = {{{"$ref", 1, Form::kText},
                                                  {"format", 2, Form::kText},
                                                  {"title", 3, Form::kText},
                                                  {"description", 4, Form::kText},
                                                  {"default", 5, Form::kAny},
                                                  {"maximum", 7, Form::kDouble},
                                                  {"minimum", 9, Form::kDouble},
                                                  {"maxLength", 11, Form::kInteger},
                                                  {"minLength", 12, Form::kInteger},
                                                  {"pattern", 13, Form::kText},
                                                  {"maxItems", 14, Form::kInteger},
                                                  {"minItems", 15, Form::kInteger},
                                                  {"required", 19, Form::kTexts},
                                                  {"enum", 20, Form::kAnys}}};

Message EncodeSchema(const json::Value& schema);

Message EncodeSchemas(const json::Value& schemas) {
  Message all;
  for (const auto& [name, schema] : schemas.AsObject()) all.Nested(1, Named(name, EncodeSchema(schema)));
  return all;
}

bool EncodeSchemaMember(Message& message, const std::string& name, const json::Value& value) {
  if (name == "properties") {
    message.Nested(25, EncodeSchemas(value));
  } else if (name == "additionalProperties") {
    message.Nested(21, Wrapped(1, EncodeSchema(value)));
  } else if (name == "items") {
    message.Nested(23, Wrapped(1, EncodeSchema(value)));
  } else if (name == "type") {
    Message type;
    type.Text(1, value.AsString());
    message.Nested(22, type);
  } else {
    return false;
  }
  return true;
}

Message EncodeSchema(const json::Value& schema) { return Encode(schema, kSchemaFields, 31, EncodeSchemaMember); }

// `shift`: the fields behind the name of a query parameter stand one further than those of a path parameter.
template <unsigned kShift>
constexpr std::array<Field, 6> kParameterFields = {{{"required", 1, Form::kBool},
                                                    {"in", 2, Form::kText},
                                                    {"description", 3, Form::kText},
                                                    {"name", 4, Form::kText},
                                                    {"type", 5 + kShift, Form::kText},
                                                    {"uniqueItems", 19 + kShift, Form::kBool}}};

constexpr std::array<Field, 4> kBodyFields = {
    {{"description", 1, Form::kText}, {"name", 2, Form::kText}, {"in", 3, Form::kText}, {"required", 4, Form::kBool}}};

// ParametersItem of a Parameter of one of its kinds.
Message EncodeParameter(const json::Value& parameter) {
  const std::string in = parameter.GetString("in").value();
  if (in == "body") {
    const Message body =
        Encode(parameter, kBodyFields, 6, [](Message& message, const std::string& name, const json::Value& value) {
          if (name != "schema") return false;
          message.Nested(5, EncodeSchema(value));
          return true;
        });
    return Wrapped(1, Wrapped(1, body));
  }
  const bool query = in == "query";
  ASYA_CHECK(query || in == "path");
  const Message simple =
      query ? Encode(parameter, kParameterFields<1>, 23) : Encode(parameter, kParameterFields<0>, 22);
  return Wrapped(1, Wrapped(2, Wrapped(query ? 3 : 4, simple)));
}

Message EncodeResponses(const json::Value& responses) {
  constexpr std::array<Field, 1> kFields = {{{"description", 1, Form::kText}}};
  Message all;
  for (const auto& [code, response] : responses.AsObject()) {
    const Message one =
        Encode(response, kFields, 5, [](Message& message, const std::string& name, const json::Value& value) {
          if (name != "schema") return false;
          message.Nested(2, Wrapped(1, EncodeSchema(value)));
          return true;
        });
    all.Nested(1, Named(code, Wrapped(1, one)));
  }
  return all;
}

Message EncodeOperation(const json::Value& operation) {
  constexpr std::array<Field, 5> kFields = {{{"tags", 1, Form::kTexts},
                                             {"description", 3, Form::kText},
                                             {"operationId", 5, Form::kText},
                                             {"produces", 6, Form::kTexts},
                                             {"consumes", 7, Form::kTexts}}};
  return Encode(operation, kFields, 13, [](Message& message, const std::string& name, const json::Value& value) {
    if (name == "responses") {
      message.Nested(9, EncodeResponses(value));
      return true;
    }
    if (name != "parameters") return false;
    for (const json::Value& parameter : value.AsArray()) message.Nested(8, EncodeParameter(parameter));
    return true;
  });
}

Message EncodePath(const json::Value& path) {
  constexpr std::array<std::pair<std::string_view, unsigned>, 5> kMethods = {
      {{"get", 2}, {"put", 3}, {"post", 4}, {"delete", 5}, {"patch", 8}}};
  return Encode(path, std::array<Field, 0>{}, 10,
                [&](Message& message, const std::string& name, const json::Value& value) {
                  for (const auto& [method, number] : kMethods) {
                    if (name != method) continue;
                    message.Nested(number, EncodeOperation(value));
                    return true;
                  }
                  if (name != "parameters") return false;
                  for (const json::Value& parameter : value.AsArray()) message.Nested(9, EncodeParameter(parameter));
                  return true;
                });
}

}  // namespace

std::string EncodeSwagger(const json::Value& swagger) {
  Message document;
  document.Text(1, swagger.GetString("swagger").value());
  Message info;
  info.Text(1, swagger.FindPath({"info", "title"})->AsString());
  info.Text(2, swagger.FindPath({"info", "version"})->AsString());
  document.Nested(2, info);
  Message paths;
  for (const auto& [name, path] : swagger.Find("paths")->AsObject()) paths.Nested(2, Named(name, EncodePath(path)));
  document.Nested(8, paths);
  document.Nested(9, EncodeSchemas(*swagger.Find("definitions")));
  return std::move(document).Take();
}

}  // namespace asya::apiserver
