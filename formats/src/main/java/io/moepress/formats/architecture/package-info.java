/// Model families as data: which tensor plays which role, and which blocks a layer is made of.
///
/// Start at [Architecture], then read one of the JSON files in the resources beside it.
@NullMarked
package io.moepress.formats.architecture;

import org.jspecify.annotations.NullMarked;
