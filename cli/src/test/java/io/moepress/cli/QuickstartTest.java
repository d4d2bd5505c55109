package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.cli.DocumentedCommands.Outcome;
import io.moepress.cli.DocumentedCommands.Scene;
import io.moepress.cli.Documents.Block;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The first command of the README does what the README shows.
class QuickstartTest {
  private static final String RECIPE = "recipes/examples/quickstart.yaml";
  private static final String GATE = "gate: testdata/texts/math.evaluation.jsonl: ";
  private static final int MINUTES = 5;

  @TempDir private Path folder = Path.of("");

  @Test
  void printsTheTableOfTheReadme() throws IOException, InterruptedException {
    DocumentedFiles.repository(DocumentedProcess.fixtures(folder));
    Scene scene = new Scene("README.md", List.of(), List.of(List.of("run", RECIPE)));

    Outcome run = new DocumentedProcess(folder, MINUTES).run(List.of(scene)).getFirst();

    assertThat(run.exitCode()).as(run.err()).isZero();
    ShownOutput printed = new ShownOutput(run.out().lines().toList());
    for (String document : List.of("README.md", "docs/quickstart.md")) {
      List<Block> tables =
          Documents.blocks(document).stream()
              .filter(block -> block.lines().getLast().startsWith(GATE))
              .toList();
      assertThat(tables).as(document).hasSize(1);
      assertThat(printed.missing(tables.getFirst(), 0)).isEmpty();
    }
  }

  @Test
  void whatIsShownIsComparedToItsLastDigit() {
    ShownOutput printed =
        new ShownOutput(
            List.of(
                "size                 13.4 MiB    7.4 MiB",
                "perplexity, math        19.15      22.07",
                "random  75%  10.4 MiB  41.97 (29.56–53.69)  1.2  0.628 (0.407–1.036)  3.4  5.6"));

    assertThat(missing(printed, "size 13.4 MiB 7.4 MiB", "...")).isZero();
    assertThat(missing(printed, "perplexity, math  19.16  22.06")).isZero();
    assertThat(missing(printed, "random 75% 10.4 MiB 41.97 (29.57–53.69) ...  0.628 (0.407–1.036)"))
        .isZero();
    assertThat(missing(printed, "random  75% ...")).isZero();
    assertThat(missing(printed, "size 13.5 MiB 7.4 MiB")).isOne();
    assertThat(missing(printed, "size 13.4 MiB")).isOne();
    assertThat(missing(printed, "perplexity, math  19.17  22.07")).isOne();
    assertThat(missing(printed, "perplexity, math  19.2  22.07")).isOne();
    assertThat(missing(printed, "perplexity, code  19.15  22.07")).isOne();
    assertThat(missing(printed, "random  75%  10.4 MiB  41.97 (29.56–53.69) ...  0.630")).isOne();
  }

  private static int missing(ShownOutput printed, String... lines) {
    return printed.missing(new Block("x.md", 1, "", List.of(lines)), 0).size();
  }
}
