package io.moepress.cli.report;

import io.moepress.formats.Checks;
import io.moepress.recipes.plan.Plan.Size;
import io.moepress.recipes.recipe.ByteSize;
import java.util.ArrayList;
import java.util.List;

/// Size before and after, as a whole and by component.
final class Sizes implements Section {

  @Override
  public String title() {
    return "Size";
  }

  @Override
  public boolean isIn(RunFiles run) {
    return true;
  }

  @Override
  public void write(RunFiles run, Html html) {
    Size before = run.plan().chain().getFirst().before();
    Size after = run.after();
    html.open("table").row("th", "", "before", "after");
    html.row("td", "experts in a layer", before.expertsText(), after.expertsText());
    html.row(
        "td",
        "parameters",
        Checks.text("%,d", before.parameters()),
        Checks.text("%,d", after.parameters()));
    html.row("td", "weights", size(before.bytes()), size(after.bytes()));
    html.close();
    List<Component> components = run.facts().map(RunFacts::components).orElse(List.of());
    if (components.isEmpty()) {
      return;
    }
    double largest = components.stream().mapToLong(Component::before).max().orElse(1);
    List<Bars.Row> rows = new ArrayList<>();
    for (Component component : components) {
      rows.add(
          new Bars.Row(
              List.of(component.name(), size(component.before()), size(component.after())),
              List.of(component.before() / largest, component.after() / largest)));
    }
    new Bars(List.of("component", "before", "after"), rows).write(html);
  }

  static String size(long bytes) {
    return new ByteSize(bytes).rounded();
  }
}
