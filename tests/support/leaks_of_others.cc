// Leaks of others that cannot be mended here, of which LeakSanitizer says nothing. Part of each program that is built
// with AddressSanitizer, since children are started with no environment but what they are given.

extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_options();

// libpq keeps the result under way when a connection is cut in the middle of a statement and libpqxx throws; c-ares, by
// which gRPC finds addresses, keeps what it has read of the system's settings, ten bytes each time.
extern "C" const char* __lsan_default_suppressions() { return "leak:libpq.so\nleak:libcares.so\n"; }

extern "C" const char* __lsan_default_options() { return "print_suppressions=0"; }
