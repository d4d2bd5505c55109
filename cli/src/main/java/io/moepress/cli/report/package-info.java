/// A run as one page of HTML, and the documents of a run that it is made from.
@NullMarked
package io.moepress.cli.report;

import org.jspecify.annotations.NullMarked;
