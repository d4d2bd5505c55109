package io.moepress.cli;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.moepress.calibrate.corpus.Corpus;
import io.moepress.calibrate.corpus.TokenSequence;
import io.moepress.calibrate.evaluate.EvaluationData;
import io.moepress.calibrate.forward.ForwardPass;
import io.moepress.calibrate.forward.HiddenStates;
import io.moepress.calibrate.forward.MoePass;
import io.moepress.calibrate.forward.OutputHead;
import io.moepress.calibrate.forward.PassResources;
import io.moepress.calibrate.torch.Torch;
import io.moepress.calibrate.torch.TorchScope;
import io.moepress.formats.Checks;
import io.moepress.formats.architecture.MoeModel;
import io.moepress.formats.checkpoint.CheckpointDirectory;
import io.moepress.formats.gguf.GgufWeights;
import io.moepress.formats.json.Json;
import io.moepress.recipes.recipe.DataSource;
import io.moepress.recipes.work.Progress;
import io.moepress.recipes.work.Workers;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What llama.cpp makes of our files. It comes with node-llama-cpp, and the system property
/// `moepress.llama` is the folder where `npm install node-llama-cpp` was run; without it the proof
/// is left out.
@Tag("proof")
class LlamaCppProof {
  private static final @Nullable String FOLDER = System.getProperty("moepress.llama");
  private static final List<String> DOMAINS = List.of("prose", "code", "math", "drama");
  private static final int TEXTS = 6;
  private static final int TOKENS = 160;
  private static final int MINUTES = 10;

  @TempDir private Path folder = Path.of("");

  /// What llama.cpp is asked.
  record Question(String text, int[] ids) {}

  /// What it answers.
  ///
  /// @param tokens of the whole text
  /// @param next the most likely token behind each but the last
  /// @param nll sum over all predicted tokens
  record Answer(int[] tokens, int[] next, double nll) {}

  /// Of all texts.
  record Answers(List<Answer> texts) {}

  /// What we say of the decoded weights.
  record Own(int[][] next, double nll, long predicted) {}

  /// F32 is run with keys and values in F32, so that it is arithmetic alone that differs, the
  /// others as llama.cpp does unless told otherwise.
  @ParameterizedTest
  @CsvSource({
    "tiny-mixtral,F32,F32",
    "tiny-mixtral,Q8_0,F16",
    "tiny-mixtral,Q4_K_M,F16",
    "tiny-qwen3moe,F32,F32",
    "tiny-qwen3moe,Q8_0,F16",
    "tiny-qwen3moe,Q4_K_M,F16",
    "tiny-deepseekv3,F32,F32",
    "tiny-deepseekv3,Q8_0,F16",
    "tiny-deepseekv3,Q4_K_M,F16"
  })
  void runsOurFiles(String name, String type, String kept) throws Exception {
    assumeTrue(
        FOLDER != null,
        "left out: say -Dmoepress.llama=FOLDER, where npm install node-llama-cpp was run");
    Path model = TestData.path("models/" + name);
    Path file = folder.resolve("model.gguf");
    assertThat(Cli.run("convert", model, "-o", file, "--to", type, "-q").exitCode()).isZero();
    Corpus corpus = corpus(model);

    List<Answer> answers = ask(file, kept, questions(corpus));
    Own own = own(model, file, corpus);

    double theirs = 0;
    long same = 0;
    for (int i = 0; i < answers.size(); i++) {
      int[] ids = corpus.sequences().get(i).ids();
      Answer answer = answers.get(i);
      assertThat(Arrays.copyOf(answer.tokens(), ids.length)).as("tokens of %d", i).isEqualTo(ids);
      theirs += answer.nll();
      for (int position = 0; position < answer.next().length; position++) {
        same += answer.next()[position] == own.next()[i][position] ? 1 : 0;
      }
    }
    double ratio = Math.exp((theirs - own.nll()) / own.predicted());
    System.err.println(
        Checks.text(
            "| `%s` | `%s` | %.4f | %.4f | %.4f | %d of %d |",
            name,
            type,
            Math.exp(theirs / own.predicted()),
            Math.exp(own.nll() / own.predicted()),
            ratio,
            same,
            own.predicted()));
    assertThat(ratio).isCloseTo(1, within(0.01));
    if (type.equals("F32")) {
      assertThat(same).isEqualTo(own.predicted());
    }
  }

  private static Corpus corpus(Path model) throws IOException {
    List<DataSource> sources =
        DOMAINS.stream()
            .map(name -> new DataSource(texts(name), OptionalInt.of(TEXTS), name))
            .toList();
    return EvaluationData.read(sources, model, TOKENS).corpus();
  }

  private static Path texts(String domain) {
    return TestData.path("texts/" + domain + ".evaluation.jsonl");
  }

  private static List<Question> questions(Corpus corpus) throws IOException {
    List<Question> questions = new ArrayList<>();
    for (String domain : DOMAINS) {
      for (String line : Files.readAllLines(texts(domain)).subList(0, TEXTS)) {
        int[] ids = corpus.sequences().get(questions.size()).ids();
        questions.add(new Question(Json.object(line, domain).get("text").asString(), ids));
      }
    }
    return questions;
  }

  private List<Answer> ask(Path file, String kept, List<Question> questions) throws Exception {
    Path asked = folder.resolve("texts.json");
    Path answered = folder.resolve("answers.json");
    Json.write(asked, questions);
    Path log = folder.resolve("log");
    Process node =
        new ProcessBuilder(
                "node",
                TestData.path("llama.cpp/next-tokens.mjs").toString(),
                FOLDER,
                file.toString(),
                kept,
                asked.toString(),
                answered.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    try {
      assertThat(node.waitFor(MINUTES, TimeUnit.MINUTES)).as("node is done").isTrue();
      assertThat(node.exitValue()).as(Files.readString(log)).isZero();
    } finally {
      node.destroyForcibly();
    }
    return Json.read(answered, Answers.class).texts();
  }

  private static Own own(Path model, Path file, Corpus corpus) throws IOException {
    try (CheckpointDirectory checkpoint = CheckpointDirectory.open(model);
        GgufWeights decoded = GgufWeights.open(file, MoeModel.of(checkpoint));
        Workers workers = new Workers(2);
        TorchScope scope = Torch.scope();
        HiddenStates hidden =
            new ForwardPass(MoeModel.of(decoded), PassResources.inMemory(workers, Progress.SILENT))
                .run("test", corpus, MoePass.Observer.NONE);
        OutputHead head = new OutputHead(MoeModel.of(decoded))) {
      float[] rows =
          TorchScope.values(head.logits(scope, hidden, 0, corpus.tokens()).logSoftmax(1))
              .toArray(JAVA_FLOAT);
      return own(rows, corpus, head.vocabulary());
    }
  }

  private static Own own(float[] rows, Corpus corpus, int vocabulary) {
    List<TokenSequence> sequences = corpus.sequences();
    int[][] next = new int[sequences.size()][];
    double nll = 0;
    long predicted = 0;
    for (int i = 0; i < next.length; i++) {
      int[] ids = sequences.get(i).ids();
      next[i] = new int[ids.length - 1];
      for (int position = 0; position < next[i].length; position++) {
        int row = (corpus.starts()[i] + position) * vocabulary;
        nll -= rows[row + ids[position + 1]];
        next[i][position] = largest(rows, row, vocabulary);
        predicted++;
      }
    }
    return new Own(next, nll, predicted);
  }

  private static int largest(float[] rows, int row, int vocabulary) {
    int best = 0;
    for (int token = 1; token < vocabulary; token++) {
      best = rows[row + token] > rows[row + best] ? token : best;
    }
    return best;
  }
}
