package io.moepress.recipes.target;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// The page about targets says what the code does: the same rows in the same order.
class TargetsDocTest {
  private static final Path PAGE = Path.of("..", "docs", "targets.md");

  @ParameterizedTest
  @EnumSource(Target.class)
  void hasTheRulesOfEveryTarget(Target target) throws IOException {
    assertThat(rowsUnder("## " + target.label()))
        .isEqualTo(TargetRules.describe(target).stream().map(TargetsDocTest::row).toList());
  }

  private static String row(TargetRules.Description rule) {
    return "| `"
        + rule.id()
        + "` | "
        + rule.holds()
        + " | "
        + rule.otherwise()
        + " | "
        + rule.severity().label()
        + " | "
        + rule.seen()
        + " |";
  }

  private static List<String> rowsUnder(String heading) throws IOException {
    List<String> rows = new ArrayList<>();
    boolean inside = false;
    for (String line : Files.readAllLines(PAGE)) {
      if (line.startsWith("## ")) {
        inside = line.equals(heading);
      } else if (inside && line.startsWith("| `")) {
        rows.add(line);
      }
    }
    return rows;
  }
}
