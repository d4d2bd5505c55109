/// JSON as we read and write it: strict, ordered, edited without touching what stays.
@NullMarked
package io.moepress.formats.json;

import org.jspecify.annotations.NullMarked;
