package io.moepress.cli.report;

import io.moepress.formats.Checks;
import io.moepress.recipes.evidence.Evidence;
import io.moepress.recipes.plan.Plan;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What the result was made from, by digest.
final class Provenance implements Section {

  @Override
  public String title() {
    return "Provenance";
  }

  @Override
  public boolean isIn(RunFiles run) {
    return true;
  }

  @Override
  public void write(RunFiles run, Html html) {
    html.open("div", "class", "scroll").open("table", "class", "facts");
    html.row("td", "made by", run.plan().tool());
    html.row("td", "model type", run.plan().modelType());
    html.row("td", "target", run.plan().target());
    html.row("td", "source", run.plan().source());
    run.journal().ifPresent(journal -> html.row("td", "recipe", "sha256:" + journal.recipe()));
    List<Plan> chain = run.plan().chain();
    for (int i = 0; i < chain.size(); i++) {
      String step = chain.size() > 1 ? ", step " + (i + 1) : "";
      String evidence = chain.get(i).evidence();
      if (evidence != null) {
        html.row("td", "evidence" + step, evidence);
      }
      texts(html, step, run.evidence().get(i));
      html.row("td", "plan" + step, chain.get(i).digest());
    }
    run.result().ifPresent(result -> html.row("td", "output", result.output()));
    html.close().close();
  }

  private static void texts(Html html, String step, @Nullable Evidence it) {
    if (it == null) {
      return;
    }
    for (Evidence.Domain domain : it.domains()) {
      html.row(
          "td",
          "texts" + step + ", " + domain.name(),
          Checks.text(
              "%,d texts, %,d tokens, %s", domain.sequences(), domain.tokens(), domain.digest()));
    }
  }
}
