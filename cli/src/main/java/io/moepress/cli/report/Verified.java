package io.moepress.cli.report;

import io.moepress.recipes.verify.Verifier.Check;

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
    html.open("div", "class", "scroll").open("table").row("th", "check", "", "");
    for (Check check : run.result().orElseThrow().verification()) {
      html.open("tr")
          .element("td", check.name())
          .element("td", check.outcome(), "class", check.passed() ? "good" : "bad")
          .element("td", check.detail())
          .close();
    }
    html.close().close();
  }
}
