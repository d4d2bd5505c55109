package io.moepress.cli;

import io.moepress.formats.Words;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.target.Target;
import java.util.ArrayList;

/// The names of targets on the command line, for completion too.
final class Targets extends ArrayList<String> {
  private static final long serialVersionUID = 1L;

  Targets() {
    super(Target.labels());
  }

  static Target named(String label) {
    return Target.named(label)
        .orElseThrow(() ->
            new RecipeException(
                "--target: unknown runtime "
                    + Words.quoted(label)
                    + " (expected one of "
                    + String.join(", ", Target.labels())
                    + ")"
                    + Words.didYouMean(label, Target.labels())));
  }
}
