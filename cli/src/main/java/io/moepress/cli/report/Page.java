package io.moepress.cli.report;

import io.moepress.cli.report.Comparison.Candidate;
import io.moepress.formats.Checks;
import io.moepress.recipes.evaluation.GateCheck.Outcome;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.Plan;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;

/// A run as one page that needs nothing beside it: no network, no script, no other file.
public final class Page {
  private static final String STYLE = "report.css";

  private final RunFiles run;
  private final List<Section> sections;
  private final Html html = new Html();

  private Page(RunFiles run, Function<String, Optional<MethodDescription>> methods) {
    this.run = run;
    this.sections =
        List.of(
            new Evaluated(),
            new Sizes(),
            new Asked(),
            new Decided(methods),
            new ExpertMap(),
            new Scores(),
            new Merges(),
            new Bits(),
            new LayerErrors(),
            new Verified(),
            new Costs(),
            new Provenance());
  }

  /// The page, a function of the documents of the run, byte for byte.
  ///
  /// @param methods what is known of a method
  public static String of(RunFiles run, Function<String, Optional<MethodDescription>> methods) {
    return new Page(run, methods).text();
  }

  private String text() {
    List<Section> shown = sections.stream().filter(section -> section.isIn(run)).toList();
    html.open("html", "lang", "en").open("head").empty("meta", "charset", "utf-8");
    html.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
    html.empty("meta", "name", "color-scheme", "content", "light dark");
    html.element("title", name() + " – moepress").style(sheet()).close();
    html.open("body").open("main").open("header").element("h1", name());
    verdict();
    headline();
    html.open("nav");
    shown.forEach(section -> html.element("a", section.title(), "href", "#" + anchor(section)));
    html.close().close();
    for (Section section : shown) {
      html.open("section", "id", anchor(section)).element("h2", section.title());
      section.write(run, html);
      html.close();
    }
    return "<!DOCTYPE html>\n" + html.close().close().close().done();
  }

  private static String anchor(Section section) {
    return section.title().toLowerCase(Locale.ROOT).replace(' ', '-');
  }

  private String name() {
    Path place = run.result().map(result -> Path.of(result.output())).orElse(run.directory());
    Path name = place.toAbsolutePath().normalize().getFileName();
    return name == null ? place.toString() : name.toString();
  }

  private void verdict() {
    html.open("p", "class", "verdict");
    if (run.result().isEmpty()) {
      html.element("span", "planned, not written", "class", "badge");
    } else {
      RunResult result = run.result().get();
      boolean verified = result.verification().stream().allMatch(check -> check.passed());
      badge(verified, "verified", "failed its verification");
      if (!result.gates().isEmpty()) {
        boolean met = result.gates().stream().allMatch(Outcome::passed);
        badge(met, "all gates passed", "a gate was missed");
      }
    }
    html.close();
  }

  private void badge(boolean good, String yes, String no) {
    html.element("span", good ? yes : no, "class", good ? "badge good" : "badge bad");
  }

  private void headline() {
    Plan.Size before = run.plan().chain().getFirst().before();
    Plan.Size after = run.after();
    html.open("div", "class", "tiles");
    tile(
        Sizes.size(after.bytes()),
        Checks.text(
            "of %s: %.0f %%",
            Sizes.size(before.bytes()), 100.0 * after.bytes() / Math.max(1, before.bytes())));
    tile(after.expertsText(), "experts in a layer, of " + before.expertsText());
    Comparison comparison = run.result().map(RunResult::evaluation).orElse(null);
    if (comparison != null && !comparison.before().evaluation().corpora().isEmpty()) {
      double original = perplexity(comparison.before());
      double result = perplexity(comparison.after());
      tile(
          Checks.text("%.2f", result),
          Checks.text("perplexity on the first texts, %.2f before", original));
    }
    html.close();
  }

  private static double perplexity(Candidate candidate) {
    return candidate.evaluation().corpora().getFirst().perplexity();
  }

  private void tile(String number, String about) {
    html.open("div", "class", "tile").element("b", number).element("span", about).close();
  }

  private static String sheet() {
    try (InputStream style = Page.class.getResourceAsStream(STYLE)) {
      if (style == null) {
        throw new IllegalStateException(STYLE + " is missing from the program");
      }
      return new String(style.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
