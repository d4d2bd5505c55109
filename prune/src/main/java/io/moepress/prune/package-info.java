/// Methods that drop experts: one published method is one record.
///
/// Start at [EasyEpPruning]; [ScoredPruning] is what methods that rank experts have in common.
@NullMarked
package io.moepress.prune;

import org.jspecify.annotations.NullMarked;
