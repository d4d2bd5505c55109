package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// What the scripts of the image refuse before they do anything.
@DisabledOnOs(OS.WINDOWS)
class ImageScriptsTest {
  private static final Path SCRIPTS = Path.of("src/dist").toAbsolutePath();

  @TempDir private Path folder = Path.of("");

  @Test
  void theImageDoesNotStartWhereJavaWouldSplitItsPath() throws Exception {
    Path image = Files.createDirectories(folder.resolve("a:b"));
    Path launcher = Files.createDirectory(image.resolve("bin")).resolve("moepress");
    Files.copy(SCRIPTS.resolve("bin/moepress"), launcher);

    assertThat(said("sh", launcher.toString(), "--version"))
        .startsWith("moepress: ")
        .endsWith("/a:b: the path has a colon, at which Java would split it. Move the folder.\n");
  }

  @Test
  void theImageIsMadeOfOneJarOfThisModule() throws Exception {
    Path target = Files.createDirectories(folder.resolve("root/cli/target"));
    Files.writeString(target.resolve("classpath"), "");

    assertThat(made()).endsWith("moepress-cli-*.jar: no such file. Build the jars first.\n");

    Files.createFile(target.resolve("moepress-cli-1.jar"));
    Files.createFile(target.resolve("moepress-cli-2.jar"));
    assertThat(made())
        .endsWith(
            "cli/target: 2 jars moepress-cli-*.jar (expected one). Remove those of other versions.\n");
  }

  /// Who takes another libtorch or other tokenizers has to look again at what is in them.
  @Test
  void thePartsOfNativeLibrariesHaveTextsAndAreThoseOfTheVersionsInUse() throws Exception {
    Path licenses = SCRIPTS.resolve("licenses");
    String table = Files.readString(licenses.resolve("natives.txt"));
    List<String> named = new ArrayList<>();
    for (String row : table.lines().filter(line -> !line.startsWith("#")).toList()) {
      assertThat(row).matches("[^|]+[|](libtorch|tokenizers)[|][^|]+[|][^|, ]+");
      String text = row.substring(row.lastIndexOf('|') + 1);
      named.add(text);
      if (!text.matches("https://docs.rs/crate/.*|../LICENSE|../runtime/legal/.*")) {
        assertThat(licenses.resolve(text)).isNotEmptyFile();
      }
    }
    for (String folder : List.of("libtorch", "tokenizers")) {
      try (Stream<Path> texts = Files.list(licenses.resolve(folder))) {
        assertThat(texts).allMatch(text -> named.contains(folder + "/" + text.getFileName()));
      }
    }
    Matcher libtorch = versionIn(table, "pytorch-native-cpu");
    Matcher tokenizers = versionIn(table, "libtokenizers.so of tokenizers");
    assertThat(Files.readString(Path.of("../pom.xml")))
        .contains(
            "<djl.libtorch.version>" + libtorch.group(1) + "</djl.libtorch.version>",
            "<djl.version>" + tokenizers.group(1) + "</djl.version>");
  }

  private static Matcher versionIn(String table, String library) {
    Matcher version = Pattern.compile(library + " (\\d+[.]\\d+[.]\\d+)[.,]").matcher(table);
    assertThat(version.find()).as(library).isTrue();
    return version;
  }

  private String made() throws Exception {
    return said(
        "sh",
        SCRIPTS.resolve("make-image.sh").toString(),
        System.getProperty("java.home"),
        folder.resolve("root").toString(),
        folder.resolve("image").toString(),
        "linux-x86_64");
  }

  /// What a command says that must fail.
  private static String said(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(List.of(command)).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(text).isEqualTo(1);
    return text;
  }
}
