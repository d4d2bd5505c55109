package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.formats.json.Json;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/// Runs every command on a small model, and collects all JSON that it prints and leaves behind.
final class JsonDocuments {
  /// JSON of the program.
  ///
  /// @param schema the name of the schema that describes it
  /// @param origin the command line or the file it comes from
  record Document(String schema, String origin, String text) {}

  private static final Path MODEL = TestData.path("models/tiny-mixtral");
  private static final Path MATH = TestData.path("texts/math.calibration.jsonl");
  private static final Path CODE = TestData.path("texts/code.calibration.jsonl");
  private static final Path CHOICES = TestData.path("texts/math.choices.jsonl");

  private final Path folder;
  private final List<Document> documents = new ArrayList<>();

  private JsonDocuments(Path folder) {
    this.folder = folder;
  }

  /// All of them.
  ///
  /// @param folder an empty one
  static List<Document> collect(Path folder) throws IOException {
    JsonDocuments all = new JsonDocuments(folder);
    all.describe();
    all.measure();
    all.run();
    all.decide();
    all.convert();
    all.compare();
    return all.documents;
  }

  private void describe() throws IOException {
    json("inspect", 0, "inspect", MODEL);
    json("inspect", 0, "inspect", MODEL, "--draft-architecture");
    json("explain", 0, "explain");
    json("explain", 0, "explain", "hc-smoe");
    json("completion", 0, "completion", "fish");
    json("man", 0, "man", "run");
    json("man", 0, "man", "-o", folder.resolve("man"));
    json("recipe-schema", 0, "recipe", "schema");
    json("recipe-schema", 0, "recipe", "schema", "-o", folder.resolve("schema.json"));
    json("recipe-reference", 0, "recipe", "reference");
    json("recipe-reference", 0, "recipe", "reference", "-o", folder.resolve("reference.md"));
    json("recipe-new", 0, "recipe", "new", "--model", MODEL);
    json("recipe-new", 0, "recipe", "new", "-o", folder.resolve("new.yaml"));
    json("recipe-check", 2, "recipe", "check", folder.resolve("new.yaml"));
  }

  private void measure() throws IOException {
    Path math = folder.resolve("math");
    Path code = folder.resolve("code");
    String all =
        "default,input-square-sum,intermediate-square-sum,linear-input-square-sum,coactivation";
    Object[] few = {"--max-tokens", 40, "--statistics", all, "--reservoir-tokens", 8};
    Path mathTexts = first(MATH, 4);
    json("calibrate", 0, with(few, "calibrate", MODEL, "--data", mathTexts, "-o", math));
    json("calibrate", 0, with(few, "calibrate", MODEL, "--data", first(CODE, 4), "-o", code));
    json("calibrate", 0, "calibrate", MODEL, "--data", mathTexts, "-o", "dry", "--dry-run");
    json("evidence-show", 0, "evidence", "show", math);
    json("evidence-merge", 0, "evidence", "merge", math, code, "-o", folder.resolve("both"));
    json("evidence-imatrix", 0, "evidence", "imatrix", math, MODEL, "-o", folder.resolve("i.gguf"));
    json("eval", 0, "eval", MODEL, "--data", mathTexts, "--max-tokens", 40);
    json("eval", 0, "eval", MODEL, "--data", mathTexts, "--data", first(CHOICES, 2));
    json("eval", 0, "eval", MODEL, "--data", mathTexts, "--reference", MODEL);
    file("files/evidence", math.resolve("evidence.json"));
    file("files/evidence", folder.resolve("both/evidence.json"));
  }

  /// A run that misses a gate, with everything it leaves behind.
  private void run() throws IOException {
    String evaluation =
        """
        evaluate:
          data: [{file: TEXTS}, {file: CHOICES}]
          max-tokens: 40
          baselines: [frequency]
          gates: {perplexity-ratio: 9, kl-divergence: 9, top1-agreement: 0.999, accuracy-drop: 1}
        """
            .replace("TEXTS", first(MATH, 4).toString())
            .replace("CHOICES", first(CHOICES, 2).toString());
    Path recipe = recipe("pruned", "prune: {method: easy-ep, keep: 75%}", evaluation);
    Path output = folder.resolve("pruned");
    json("run", 3, "run", recipe);
    json("run", 0, "run", recipe, "--dry-run");
    json("recipe-check", 0, "recipe", "check", recipe);
    json("verify", 0, "verify", output, "--target", "sglang");
    json("report", 0, "report", folder.resolve("pruned.work"));
    Path plan = folder.resolve("pruned.work/plan.json");
    json("apply", 0, "apply", MODEL, plan, "-o", folder.resolve("applied"), "--dry-run");
    json("apply", 0, "apply", MODEL, plan, "-o", folder.resolve("applied"));
    for (String name : List.of("plan", "result", "facts", "journal", "evaluation")) {
      file("files/" + name, folder.resolve("pruned.work/" + name + ".json"));
    }
    file("files/moepress", output.resolve("moepress.json"));
    Files.writeString(output.resolve("generation_config.json"), "{}");
    json("verify", 1, "verify", output);
  }

  /// A plan with steps of each kind.
  private void decide() throws IOException {
    Path merged =
        recipe(
            "merged",
            "merge: {method: sub-moe, keep: 50%, rank: 50%, align: weights, whiten: true}",
            "");
    Path zeros = recipe("zeros", "sparsify: {method: wanda, sparsity: 40%}", "");
    Path codes = recipe("codes", "quantize: {method: gptq, scheme: W4A16, group-size: 32}", "");
    json("plan", 0, "plan", recipe("joined", "merge: {method: hc-smoe, keep: 50%}", ""));
    json("plan", 0, "plan", merged);
    json("plan", 0, "plan", zeros);
    json("plan", 0, "plan", codes);
    String twice = "prune: {method: random, keep: 75%}\n  - prune: {method: random, keep: 50%}";
    json("plan", 0, "plan", recipe("twice", twice, ""));
    Path grouped = recipe("grouped", "prune: {method: random, experts: 6, groups: none}", "");
    Files.writeString(
        grouped,
        Files.readString(grouped)
            .replace(MODEL.toString(), TestData.path("models/tiny-deepseekv3").toString())
            .replace("groups: none", "groups: none, top-k: 2")
            .replaceAll("(?m)^calibration:\\R  .*$", ""));
    json("plan", 0, "plan", grouped);
    Path plan = folder.resolve("grouped.work/plan.json");
    ObjectNode edited = Json.object(plan);
    edited
        .withArray("steps")
        .addObject()
        .put("kind", "prune-multi-token-prediction")
        .put("likeLayer", 3);
    json("explain", 0, "explain", Files.writeString(plan, edited.toString()));
  }

  private void convert() throws IOException {
    Path gguf = folder.resolve("model.gguf");
    json("convert", 0, "convert", MODEL, "-o", folder.resolve("copy"), "--dry-run");
    json("convert", 0, "convert", MODEL, "-o", folder.resolve("copy"));
    file("files/moepress", folder.resolve("copy/moepress.json"));
    json("convert", 0, "convert", MODEL, "-o", gguf, "--to", "Q4_0");
    json("convert", 0, "convert", MODEL, "-o", folder.resolve("d.gguf"), "--dry-run");
    json("inspect", 0, "inspect", gguf);
    json("verify", 0, "verify", gguf);
    ObjectNode kept = Json.mapper().createObjectNode();
    int layers = Cli.run("inspect", MODEL, "--json").json().get("layers").asInt();
    for (int layer = 0; layer < layers; layer++) {
      kept.putArray("" + layer).add(0).add(3).add(5);
    }
    Path report = Files.writeString(folder.resolve("kept.json"), kept.toString());
    Path small = folder.resolve("small.gguf");
    json("slice", 0, "slice", gguf, "--retained-experts", report, "-o", small);
    Path merges = folder.resolve("joined.work/plan.json");
    json("slice", 0, "slice", gguf, "--plan", merges, "-o", folder.resolve("joined.gguf"));
    Path imatrix = folder.resolve("i.gguf");
    Path seen = folder.resolve("seen.gguf");
    json("slice", 0, "slice", gguf, "--imatrix", imatrix, "--experts", 4, "-o", seen);
    for (String how : List.of("error", "alphaq")) {
      Path file = folder.resolve(how + ".gguf");
      json("convert", 0, "convert", MODEL, "-o", file, "--fit", "1GiB", "--by", how, "--dry-run");
    }
    Path texts = folder.resolve(MATH.getFileName());
    json("eval", 0, "eval", gguf, "--reference", MODEL, "--data", texts, "--max-tokens", 40);
    json("plan", 0, "plan", MODEL, "--retained-experts", report, "--target", "research");
  }

  /// A comparison with a candidate that fails.
  private void compare() throws IOException {
    String evaluation =
        "evaluate: {data: ["
            + first(MATH, 4)
            + "], max-tokens: 40}\ncompare:\n  random: 1\n"
            + "  keep: [75%, 10%]\n  candidates: [prune: {method: frequency}]\n";
    Path recipe = recipe("compared", "none", evaluation);
    Files.writeString(recipe, Files.readString(recipe).replaceAll("(?m)^steps:\\R  .*$", ""));
    json("compare", 1, "compare", recipe);
  }

  private Path recipe(String name, String step, String evaluation) throws IOException {
    return Files.writeString(
        folder.resolve(name + ".yaml"),
        "model: "
            + MODEL
            + "\noutput: "
            + folder.resolve(name)
            + "\ncalibration:\n  {data: ["
            + first(MATH, 4)
            + "], max-tokens: 40}\nsteps:\n  - "
            + step
            + "\n"
            + evaluation);
  }

  /// The first lines of a file, in a file.
  private Path first(Path file, int lines) throws IOException {
    Path copy = folder.resolve(file.getFileName());
    return Files.write(copy, Files.readAllLines(file).subList(0, lines));
  }

  private static Object[] with(Object[] more, Object... arguments) {
    List<Object> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of(more));
    return all.toArray();
  }

  private void json(String schema, int exitCode, Object... arguments) {
    Cli run = Cli.run(with(new Object[] {"--json", "-q"}, arguments));
    String line = String.join(" ", List.of(arguments).stream().map(String::valueOf).toList());
    assertThat(run.exitCode()).as(line + "\n" + run.err()).isEqualTo(exitCode);
    documents.add(new Document(schema, line, run.out()));
  }

  private void file(String schema, Path file) throws IOException {
    documents.add(new Document(schema, file.toString(), Files.readString(file)));
  }
}
