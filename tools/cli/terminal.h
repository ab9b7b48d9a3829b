#pragma once

#include <string>
#include <vector>

namespace frost {

/// Whether standard output is a terminal whose cursor can be moved; not where TERM is empty or
/// dumb.
bool terminal_draws();

/// Columns of the terminal that standard output is now; 80 where it does not say.
int terminal_columns();

/// The groups of fields as lines of at most `columns` characters: fields of a group stand side by
/// side, separated by " | ", and go on in the next line where they do not fit. A field that does
/// not fit into a line is cut.
std::vector<std::string> flow_fields(const std::vector<std::vector<std::string>>& groups,
                                     int columns);

}  // namespace frost
