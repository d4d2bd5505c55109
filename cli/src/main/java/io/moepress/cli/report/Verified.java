package io.moepress.cli.report;

import io.moepress.recipes.verify.Verifier.Check;
import java.util.List;

/// What was checked of the output.
final class Verified implements Section {

  @Override
  public String title() {
    return "Verification";
  }

  @Override
  public boolean isIn(RunFiles run) {
    return run.result().isPresent();
  }

  @Override
  public void write(RunFiles run, Html html) {
    List<Check> checks = run.result().orElseThrow().verification();
    List<Check> silent = checks.stream().filter(Verified::isSilent).toList();
    List<Check> others = checks.stream().filter(check -> !isSilent(check)).toList();
    if (!others.isEmpty()) {
      table(html, others);
    }
    if (!silent.isEmpty()) {
      html.open("details")
          .element("summary", silent.size() + " of " + checks.size() + " checks are ok");
      table(html, silent);
      html.close();
    }
  }

  /// Whether it holds, and nobody has a word to say about it.
  private static boolean isSilent(Check check) {
    return check.passed() && check.findings().isEmpty();
  }

  private static void table(Html html, List<Check> checks) {
    html.open("div", "class", "scroll").open("table", "class", "checks");
    for (Check check : checks) {
      html.open("tr")
          .element("td", check.name())
          .element("td", check.outcome(), "class", check.passed() ? "good" : "bad")
          .element("td", check.detail())
          .close();
    }
    html.close().close();
  }
}
