package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ExplainCommandTest {

  @Test
  void everyMethodIsExplainedWithinEightyColumns() {
    for (String method : new Methods().pruneNames()) {
      Cli explain = Cli.run("explain", method);

      assertThat(explain.exitCode()).isZero();
      assertThat(explain.out())
          .startsWith("method      " + method)
          .contains("\nscore ", "\nsource ", "\nneeds ", "\noptions ", "\nsteps:\n  - prune: ");
      assertThat(explain.out().lines()).allMatch(line -> line.length() <= 80);
    }
  }

  @Test
  void mergingMethodsAreExplainedToo() {
    for (String method : new Methods().mergeNames()) {
      Cli explain = Cli.run("explain", method);

      assertThat(explain.out())
          .startsWith("method      " + method + ", for the step merge")
          .contains("\nmerges ", "\nsource ", "\nneeds ", "\noptions ", "\nsteps:\n  - merge: ");
      assertThat(explain.out().lines()).allMatch(line -> line.length() <= 80);
    }
  }

  @Test
  void methodsForOtherStepsAreExplainedToo() {
    for (String method : new Methods().sparsityNames()) {
      Cli explain = Cli.run("explain", method);

      assertThat(explain.out())
          .startsWith("method      " + method + ", for the step sparsify")
          .contains("\nsteps:\n  - sparsify: ");
      assertThat(explain.out().replaceAll("\\s+", " "))
          .contains("The weights with the lowest become zero.");
      assertThat(explain.out().lines()).allMatch(line -> line.length() <= 80);
    }
    assertThat(Cli.run("explain", "owl").out())
        .contains("input-square-sum", "linear-input-square-sum", "lambda: ", "outlier-threshold: ");
  }

  @Test
  void methodsForCodesAndBitsAreExplainedToo() {
    Methods methods = new Methods();
    List<String> names = new ArrayList<>(methods.quantizeNames());
    names.addAll(methods.bitNames());
    for (String method : names) {
      Cli explain = Cli.run("explain", method);

      assertThat(explain.out())
          .startsWith("method      " + method + ", for the step quantize")
          .contains(methods.bitNames().contains(method) ? "\ncost " : "\ncodes ")
          .contains("\nsteps:\n  - quantize: ");
      assertThat(explain.out().lines()).allMatch(line -> line.length() <= 80);
    }
  }

  @Test
  void formulaStatisticsAndOptionsAreThere() {
    assertThat(Cli.run("explain", "reap").out())
        .contains("mean over X_j of g_j · ‖f_j‖", "gated-output-norm-sum, routed-tokens")
        .contains("arXiv:2510.13999");
    assertThat(Cli.run("explain", "random").out())
        .contains("seed: decides the lots. Takes a whole number. Default: the seed of")
        .contains("nothing: no calibration");
  }

  @Test
  void withoutAMethodThereIsATable() {
    Cli explain = Cli.run("explain");

    assertThat(explain.exitCode()).isZero();
    assertThat(explain.out()).startsWith("method ");
    assertThat(
            explain
                .out()
                .lines()
                .filter(line -> line.matches(".* (prune|merge|sparsify|quantize) .*")))
        .hasSameSizeAs(new Methods().names());
    assertThat(explain.out().lines()).allMatch(line -> line.length() <= 80);
  }

  @Test
  void aProgramGetsTheSame() {
    assertThat(Cli.run("explain", "--json").json().get("methods"))
        .hasSameSizeAs(new Methods().names());
    assertThat(Cli.run("explain", "random", "--json").json().get("options").get(0).get("key"))
        .hasToString("\"seed\"");
  }

  @Test
  void aMisspeltMethodIsSuggested() {
    Cli explain = Cli.run("explain", "easyep");

    assertThat(explain.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(explain.err()).contains("unknown method \"easyep\"", "Did you mean \"easy-ep\"?");
  }
}
