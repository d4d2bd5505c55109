package io.moepress.cli.report;

/// What the person asked for.
final class Asked implements Section {

  @Override
  public String title() {
    return "Recipe";
  }

  @Override
  public boolean isIn(RunFiles run) {
    return run.recipe().isPresent();
  }

  @Override
  public void write(RunFiles run, Html html) {
    html.element("pre", run.recipe().orElseThrow().stripTrailing());
  }
}
