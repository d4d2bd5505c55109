package io.moepress.cli;

import io.moepress.calibrate.measure.CodeSearch;
import io.moepress.calibrate.measure.CodeSearch.Question;
import io.moepress.recipes.plan.CalibratedQuantization;
import io.moepress.recipes.plan.LayerCodes;
import io.moepress.recipes.planning.ChosenBits;
import io.moepress.recipes.planning.DecidedCodes;
import io.moepress.recipes.recipe.QuantizeStep;
import java.io.IOException;
import java.nio.file.Path;
import java.util.SortedMap;

/// Gets the codes of a step that looks at inputs: from the work directory where the same were found
/// before, or by searching.
///
/// Every set of codes has a directory of its own in the work directory, named after what it was
/// made of.
///
/// @param setup what a search may use
/// @param terminal where to say where they are
record Quantizing(PassSetup setup, Terminal terminal) {
  private static final int NAME_DIGITS = 12;

  /// The step with the codes that its method finds.
  ///
  /// @param bits what the codes are
  QuantizeStep decided(
      QuantizeStep step, CalibratedQuantization method, ChosenBits bits, Question question)
      throws IOException {
    CodeSearch search = new CodeSearch(method, step.options(), bits.schemes());
    Path directory = directory(search.inputs(question));
    SortedMap<Integer, LayerCodes> codes =
        search.search(
            question,
            setup.resources(search.memory(question.model(), question.corpus())),
            directory);
    terminal.say("codes: " + directory);
    return step.with(new DecidedCodes(method.name(), method.hessians().sequential(), codes, bits));
  }

  private Path directory(String digest) {
    int start = digest.indexOf(':') + 1;
    return setup.work().file("codes-" + digest.substring(start, start + NAME_DIGITS));
  }
}
