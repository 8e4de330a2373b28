// Report: medians, rows and bars as they are printed.
#pragma once

#include <string>
#include <vector>

namespace asya::bench {

double Median(std::vector<double> values);
// "MEDIAN (LEAST-MOST)" with so many digits.
std::string Spread(const std::vector<double>& values, int digits = 0);
// Prints one bar; whether it is met. `sign`: ">=" or "<=".
bool Bar(const std::string& name, double value, const char* sign, double limit);
// The same for what is wished for, which decides nothing.
void Aim(const std::string& name, double value, double least);

}  // namespace asya::bench
