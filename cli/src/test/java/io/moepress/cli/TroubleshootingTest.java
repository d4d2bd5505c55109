package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.moepress.cli.Documents.Block;
import io.moepress.testdata.TestData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The messages that `docs/troubleshooting.md` quotes are those of the program: what stands between
/// ellipses is in a text of the sources, or in what the program says when it is provoked.
class TroubleshootingTest {
  private static final String DOCUMENT = "docs/troubleshooting.md";
  private static final Pattern LITERAL = Pattern.compile("\"((?:[^\"\\\\\\n]|\\\\.)*)\"");

  /// Shorter pieces stand everywhere.
  private static final int LEAST = 4;

  @TempDir private Path folder = Path.of("");

  @Test
  void everyQuotedMessageIsOneOfTheProgram() throws IOException {
    String texts = texts();
    String provoked = provoked();
    List<String> strangers = new ArrayList<>();
    int messages = 0;
    for (Block block : Documents.blocks(DOCUMENT)) {
      for (String message : block.lines()) {
        messages++;
        if (!pattern(message).matcher(provoked).find()) {
          pieces(message)
              .filter(piece -> !texts.contains(piece))
              .forEach(piece -> strangers.add(block.where() + ": " + piece));
        }
      }
    }

    assertThat(strangers).isEmpty();
    assertThat(messages).isGreaterThan(30);
  }

  private static Stream<String> pieces(String message) {
    return Stream.of(message.replaceFirst("^moepress: ", "").split("[.]{3}", -1))
        .map(piece -> piece.replaceFirst("^[.]? *", "").strip())
        .filter(piece -> piece.length() >= LEAST);
  }

  private static Pattern pattern(String message) {
    List<String> pieces = new ArrayList<>();
    for (String piece : message.split("[.]{3}", -1)) {
      pieces.add(Pattern.quote(piece));
    }
    return Pattern.compile("(?m)^" + String.join(".*", pieces));
  }

  /// All texts of the sources, those that go on in the next line as one, and the scripts.
  private static String texts() throws IOException {
    StringBuilder texts = new StringBuilder();
    try (Stream<Path> files = Files.walk(Documents.ROOT)) {
      for (Path file : files.filter(f -> f.toString().matches(".*/src/main/.*[.]java")).toList()) {
        String joined = Files.readString(file).replaceAll("\"\\s*\\+\\s*\"", "");
        Matcher literal = LITERAL.matcher(joined);
        while (literal.find()) {
          texts.append(literal.group(1).replace("\\\"", "\"").replace("%%", "%")).append('\n');
        }
      }
    }
    for (String script : List.of("moepress", "build", "build-config/find-jdk.sh")) {
      texts.append(Files.readString(Documents.ROOT.resolve(script)));
    }
    return texts.toString();
  }

  /// Messages that are put together of several texts.
  private String provoked() throws IOException {
    Path model = TestData.path("models/tiny-mixtral");
    Path hub = folder.resolve("hub");
    Path bare = Files.createDirectories(hub.resolve("snapshot"));
    Files.copy(model.resolve("config.json"), bare.resolve("config.json"));
    Path mute = Files.createDirectories(folder.resolve("mute"));
    for (String name : List.of("config.json", "model.safetensors")) {
      Files.copy(model.resolve(name), mute.resolve(name));
    }
    Path chat = folder.resolve("chat.jsonl");
    Files.writeString(chat, "{\"messages\": [{\"role\": \"user\", \"content\": \"a b c\"}]}\n");
    Path recipe = folder.resolve("recipe.yaml");
    Files.writeString(
        recipe,
        "model: "
            + model
            + "\noutput: out\ntarget: vlm\nsteps: [prune: {method: frequency, keep: 1}]\n");
    Path base = Files.createDirectories(folder.resolve("base"));
    for (String name : List.of("config.json", "model.safetensors", "tokenizer.json")) {
      Files.copy(model.resolve(name), base.resolve(name));
    }
    String all = "";
    all += Cli.run("inspect", hub).err();
    all += Cli.run("inspect", bare).err();
    all += Cli.run("eval", mute, "--data", TestData.path("texts/math.evaluation.jsonl")).err();
    all += Cli.run("eval", base, "--data", chat).err();
    all += Cli.run("recipe", "check", recipe).out();
    return all;
  }
}
