// Options: the command line of asya-server, parsed in one place with every mistake reported at once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/observe/log.h"

namespace asya::server {

// PostgreSQL in place of a SQLite file. Never an argument: it may hold a password.
inline constexpr const char* kDatabaseVariable = "ASYA_DATABASE_URL";

// `asya-server local`: everything in one process, for one project folder, on loopback.
struct LocalOptions {
  std::string project;             // folder of the project; absolute
  std::string state;               // folder of store, queues, logs and server.json; default {project}/.asya/local
  std::string run_dir;             // short folder for sockets; default {XDG_RUNTIME_DIR or /tmp}/asya-{hash of state}
  std::uint16_t port = 0;          // 0: a free port
  std::string relay_program;       // default: asya-relay beside this program
  std::string runtime_archive;     // asya_runtime.pyz
  std::string crew_dir;            // folder on sys.path that holds asya_crew
  std::string python = "python3";  // interpreter where a project has no environment of its own
  std::string project_python;      // interpreter of handlers whose actor names no folder; empty: `python`
  observe::Level log_level = observe::Level::kInfo;
};

struct Environment {
  std::string program_dir;                       // folder of this program
  std::string xdg_runtime_dir;                   // may be empty
  std::string otlp_endpoint;                     // OTEL_EXPORTER_OTLP_ENDPOINT; empty: no spans
  std::string otlp_protocol;                     // OTEL_EXPORTER_OTLP_PROTOCOL; not grpc
  std::map<std::string, std::string> passed_on;  // what children get of this process's environment: PATH, HOME, …
  std::map<std::string, std::string> own;        // all of it; for keys of Secrets that lie in no file
};

// All mistakes, each with the value seen and what is accepted; empty when `options` is complete.
std::vector<Error> ParseLocalOptions(const std::vector<std::string>& arguments, const Environment& environment,
                                     LocalOptions& options);

}  // namespace asya::server
