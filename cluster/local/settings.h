// LocalSettings: where the local cluster keeps things and which programs it starts.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "cluster/local/config_values.h"
#include "cluster/local/log_file.h"

namespace asya::cluster::local {

struct LocalSettings {
  std::string run_dir;                             // sockets of the replicas: a short path, see CheckRunDir
  std::string log_dir;                             // {log_dir}/{namespace}/{deployment}/{replica}.log
  std::string relay_path;                          // the program asya-relay
  std::string runtime_path;                        // asya_runtime.pyz
  std::string python = "python3";                  // where the pod template names none
  std::string source_dir;                          // folder of handlers where the pod template names none
  std::string source_python;                       // interpreter of those; empty: `python`
  std::map<std::string, std::string> environment;  // what every child gets: PATH, HOME, LANG, …
  ConfigSources values;                            // of Secrets and ConfigMaps
  // What relays get beside it, and handlers do not: credentials of the broker.
  std::map<std::string, std::string> relay_environment;
  LogLimits logs;
  // For all replicas together when the server stops; what still runs then is given back, uncounted, within
  // give_up_time.
  std::chrono::milliseconds stop_grace{10000};
  std::chrono::milliseconds give_up_time{2000};
};

}  // namespace asya::cluster::local
