package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.Checks;
import io.moepress.formats.json.Json;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;
import tools.jackson.databind.node.ObjectNode;

/// A run as a page.
class ReportCommandTest {
  private static final String EVIL = "</pre><script>alert(1)</script>";

  @TempDir private static Path folder = Path.of("");
  private static String page = "";

  @BeforeAll
  static void runAndReport() throws IOException {
    Cli run = Cli.run("run", recipe("out", "prune: {method: easy-ep, keep: 50%}"), "-q");
    assertThat(run.exitCode()).as(run.err()).isZero();
    Path file = folder.resolve("page.html");
    Cli report = Cli.run("report", folder.resolve("out.work"), "-o", file, "--json");
    assertThat(report.exitCode()).as(report.err()).isZero();
    assertThat(report.json().get("bytes").asLong()).isEqualTo(Files.size(file));
    page = Files.readString(file);
  }

  @Test
  void showsEverythingThereIs() {
    for (String title :
        new String[] {
          "Evaluation",
          "Size",
          "Recipe",
          "Decisions",
          "Experts",
          "Scores",
          "Verification",
          "Time and memory",
          "Provenance"
        }) {
      assertThat(page).contains("<h2>" + title + "</h2>");
    }
    assertThat(page).doesNotContain("<h2>Merges</h2>", "<h2>Bits</h2>");
  }

  @Test
  void needsNothingBesideIt() {
    assertThat(page)
        .doesNotContainPattern("(src|href|url)\\s*[=(]\\s*[\"']?(https?:|//|file:)")
        .doesNotContain("<script", "<link", "@import");
  }

  @Test
  void isWellFormed() throws Exception {
    assertThat(parsed(page).getElementsByTagName("svg").getLength()).isGreaterThan(2);
  }

  @Test
  void whatARecipeSaysStaysText() {
    assertThat(page).contains("&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
  }

  /// 4 layers of 8 experts, half of which stay.
  @Test
  void everyExpertHasItsSquare() {
    for (int layer = 0; layer < 4; layer++) {
      for (int expert = 0; expert < 8; expert++) {
        assertThat(page).contains("layer " + layer + ", expert " + expert + ": ");
      }
    }
    assertThat(page.split(": dropped; ", -1)).hasSize(1 + 16);
    assertThat(page.split(": kept(, protected)?; ", -1)).hasSize(1 + 16);
  }

  @Test
  void theSamePageComesOfTheOutput() throws IOException {
    Path file = folder.resolve("other.html");

    assertThat(Cli.run("report", folder.resolve("out"), "-o", file).exitCode()).isZero();

    assertThat(file).hasContent(page);
  }

  @Test
  void aRunThatWasOnlyPlannedIsShownAsFarAsItCame() throws Exception {
    Path recipe = recipe("planned", "merge: {method: hc-smoe, experts: 6}");
    Cli run = Cli.run("run", recipe, "--dry-run", "-q");
    assertThat(run.exitCode()).as(run.err()).isZero();

    Cli report = Cli.run("report", folder.resolve("planned.work"));

    assertThat(report.exitCode()).as(report.err()).isZero();
    String text = Files.readString(folder.resolve("planned.work/report.html"));
    assertThat(text)
        .contains("planned, not written", "<h2>Merges</h2>", "layer 0: 8 experts become 6")
        .contains("are joined, the nearer the lower")
        .doesNotContain("<h2>Verification</h2>", "<h2>Evaluation</h2>");
    assertThat(text.split("class=\"branch\"", -1)).hasSize(1 + 4 * 2);
    parsed(text);
  }

  @Test
  void bitsHaveAMapOfTheirOwn() throws Exception {
    Path recipe =
        recipe("bits", "quantize: {method: round-to-nearest, scheme: W4A16, group-size: 32}");
    Cli run = Cli.run("run", recipe, "--dry-run", "-q");
    assertThat(run.exitCode()).as(run.err()).isZero();

    Cli.run("report", folder.resolve("bits.work"));

    String text = Files.readString(folder.resolve("bits.work/report.html"));
    assertThat(text.split("layer [0-9], expert [0-9]: 4[.]00 bits", -1)).hasSize(1 + 4 * 8);
    parsed(text);
  }

  /// The work directory keeps the codes of each recipe.
  @Test
  void errorsAreThoseOfTheCodesThatThePlanHas() throws IOException {
    String coarse = errorsByLayer("{method: gptq, scheme: W4A16, group-size: 64}");
    String fine = errorsByLayer("{method: gptq, scheme: W4A16, group-size: 32}");

    assertThat(coarse.split("<tr>", -1)).hasSize(1 + 1 + 4);
    assertThat(fine.split("<tr>", -1)).hasSize(1 + 1 + 4);
    assertThat(fine).isNotEqualTo(coarse);
    assertThat(errorsByLayer("{method: gptq, scheme: W4A16, group-size: 64}")).isEqualTo(coarse);
    assertThat(errorsByLayer("{method: round-to-nearest, scheme: W4A16, group-size: 64}"))
        .isEmpty();
  }

  /// That part of the page, empty where there is none.
  private static String errorsByLayer(String step) throws IOException {
    Path recipe = recipe("codes", "quantize: " + step);
    Cli run = Cli.run("run", recipe, "--dry-run", "-q");
    assertThat(run.exitCode()).as(run.err()).isZero();
    Path file = folder.resolve("codes.html");
    Files.deleteIfExists(file);
    Cli report = Cli.run("report", folder.resolve("codes.work"), "-o", file);
    assertThat(report.exitCode()).as(report.err()).isZero();
    String[] parts = Files.readString(file).split("<h2>Error by layer</h2>", -1);
    return parts.length == 1 ? "" : parts[1].split("</section>", -1)[0];
  }

  /// Clusters of k-means come about by no sequence of joins.
  @Test
  void mergesWithoutJoinsAreGroupsAlone() throws IOException {
    Path recipe = recipe("clusters", "merge: {method: sub-moe, experts: 6}");
    assertThat(Cli.run("run", recipe, "--dry-run", "-q").exitCode()).isZero();

    Cli.run("report", folder.resolve("clusters.work"));

    assertThat(Files.readString(folder.resolve("clusters.work/report.html")))
        .contains("Each frame holds experts that became one", "class=\"group\"")
        .doesNotContain("class=\"branch\"", "are joined");
  }

  /// What is dark on a screen is light on paper.
  @Test
  void darkColoursAreForScreensAlone() {
    assertThat(page)
        .contains("@media screen and (prefers-color-scheme: dark)")
        .doesNotContain("@media (prefers-color-scheme: dark)");
  }

  /// Dozens of checks that hold would bury the one that does not.
  @Test
  void onlyChecksThatHaveSomethingToSayAreOpen() throws IOException {
    assertThat(page)
        .containsPattern("(?s)<h2>Verification</h2>\\s*<details><summary>[0-9]+ of [0-9]+ checks");
    Path result = folder.resolve("out.work/result.json");
    String before = Files.readString(result);
    ObjectNode edited = Json.object(result);
    ((ObjectNode) edited.get("verification").get(3)).put("passed", false).put("name", "broken");
    ((ObjectNode) edited.get("gates").get(0)).put("passed", false);
    Json.write(result, edited);

    Path file = folder.resolve("failed.html");
    Cli report = Cli.run("report", folder.resolve("out.work"), "-o", file);
    Files.writeString(result, before);

    assertThat(report.exitCode()).as(report.err()).isZero();
    assertThat(Files.readString(file))
        .containsPattern(
            "(?s)<h2>Verification</h2>.*<td>broken</td>\\s*<td"
                + " class=\"bad\">FAILED</td>.*<details>")
        .containsPattern("(?s)<td>perplexity-ratio</td>.*<td class=\"bad\">missed</td>");
  }

  @Test
  void withoutEvidenceSquaresHaveNoColour() throws IOException {
    Path recipe = recipe("lots", "prune: {method: random, keep: 50%}");
    Files.writeString(
        recipe, Files.readString(recipe).replaceAll("(?m)^calibration:\\R  .*\\R", ""));
    assertThat(Cli.run("run", recipe, "--dry-run", "-q").exitCode()).isZero();

    Cli.run("report", folder.resolve("lots.work"));

    assertThat(page).contains("how often the texts chose it");
    assertThat(Files.readString(folder.resolve("lots.work/report.html")))
        .contains("its shape tells what becomes of it", "layer 3, expert 7: ")
        .doesNotContain("how often the texts chose it");
  }

  @Test
  void aDirectoryWithoutAPlanIsNoRun() {
    Cli report = Cli.run("report", TestData.path("models/tiny-mixtral"));

    assertThat(report.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(report.err())
        .contains("no plan.json (expected the work directory of a run, such as out/model.work)");
  }

  @Test
  void aFileThatIsThereIsNotReplaced() throws IOException {
    Path file = Files.writeString(folder.resolve("mine.html"), "mine");

    Cli refused = Cli.run("report", folder.resolve("out.work"), "-o", file);

    assertThat(refused.exitCode()).isEqualTo(ExitCode.FAILED);
    assertThat(refused.err()).contains("the output exists");
    assertThat(file).hasContent("mine");
  }

  private static Document parsed(String html) throws Exception {
    String xml = html.replaceFirst("<!DOCTYPE html>\n", "");
    return DocumentBuilderFactory.newDefaultInstance()
        .newDocumentBuilder()
        .parse(new InputSource(new StringReader(xml)));
  }

  private static Path recipe(String name, String step) throws IOException {
    String text =
        Checks.text(
            """
            # %s
            model: %s
            output: %s
            calibration:
              data: [{file: %s, samples: 3}]
            steps:
              - %s
            evaluate:
              data: [{file: %s, samples: 2}]
              gates: {perplexity-ratio: 100}
            """,
            EVIL,
            TestData.path("models/tiny-mixtral"),
            folder.resolve(name),
            TestData.path("texts/math.calibration.jsonl"),
            step,
            TestData.path("texts/math.evaluation.jsonl"));
    return Files.writeString(folder.resolve(name + ".yaml"), text);
  }
}
