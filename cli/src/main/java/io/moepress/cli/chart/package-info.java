/// Charts, as SVG and as PNG. Knows nothing of models: numbers and names go in, a picture comes
/// out.
@NullMarked
package io.moepress.cli.chart;

import org.jspecify.annotations.NullMarked;
