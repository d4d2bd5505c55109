package io.moepress.cli;

import static java.lang.Integer.parseInt;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatNoException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.moepress.recipes.plan.BitMethod;
import io.moepress.recipes.plan.MergeMethod;
import io.moepress.recipes.plan.MethodDescription;
import io.moepress.recipes.plan.MethodDescription.Option;
import io.moepress.recipes.plan.PruneMethod;
import io.moepress.recipes.plan.QuantizeMethod;
import io.moepress.recipes.plan.SparsityMethod;
import io.moepress.recipes.recipe.MethodBinder;
import io.moepress.recipes.recipe.RecipeException;
import io.moepress.recipes.recipe.RecipeReader;
import io.moepress.recipes.recipe.YamlNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What nobody else notices when it is forgotten: a method outside the catalog, or outside the
/// docs.
class MethodsTest {
  private static final Path DOCS = Path.of("..", "docs", "methods.md");

  private static final Pattern CODE = Pattern.compile("`([^`]+)`");
  private static final Pattern RANGE =
      Pattern.compile(
          "a (?<whole>whole )?number( from (?<from>[0-9]+)( on)?)?( above (?<above>[0-9]+))?"
              + "( to (?<to>[0-9.]+))?");

  @TempDir private Path folder = Path.of("");

  private final Methods methods = new Methods();

  @Test
  void everyMethodIsInTheCatalogUnderItsName() {
    for (String name : methods.pruneNames()) {
      MethodBinder<PruneMethod> binder = methods.prune(name).orElseThrow();
      assertThat(binder.bind(noOptions(), 42).name()).isEqualTo(name);
    }
  }

  @Test
  void everyMethodOfTheModuleIsInTheCatalog() {
    List<String> listed =
        methods.pruneNames().stream()
            .map(name -> methods.prune(name).orElseThrow().bind(noOptions(), 42))
            .map(method -> method.getClass().getName())
            .distinct()
            .sorted()
            .toList();

    assertThat(listed).isEqualTo(written("io.moepress.prune", PruneMethod.class)).isNotEmpty();
  }

  /// The methods of a module.
  private static List<String> written(String module, Class<?> kind) {
    return new ClassFileImporter()
        .importPackages(module).stream()
            .filter(type -> type.isAssignableTo(kind) && type.isRecord())
            .map(JavaClass::getFullName)
            .sorted()
            .toList();
  }

  @Test
  void everyMergingMethodIsInTheCatalogUnderItsName() {
    for (String name : methods.mergeNames()) {
      assertThat(methods.merge(name).orElseThrow().bind(noOptions(), 42).name()).isEqualTo(name);
    }
    assertThat(methods.mergeNames())
        .hasSameSizeAs(written("io.moepress.merge", MergeMethod.class))
        .isNotEmpty();
  }

  @Test
  void theDocsSayWhatTheCodeSays() throws IOException {
    assertThat(rows("| method | score"))
        .isEqualTo(methods.pruneNames().stream().map(this::row).toList());
    assertThat(rows("| method | what becomes one"))
        .isEqualTo(methods.mergeNames().stream().map(this::row).toList());
  }

  private static List<String> rows(String head) throws IOException {
    return Files.readAllLines(DOCS).stream()
        .dropWhile(line -> !line.startsWith(head))
        .skip(2)
        .takeWhile(line -> line.startsWith("|"))
        .toList();
  }

  @Test
  void everyWayToSetWeightsToZeroIsInTheCatalogAndInTheDocs() throws IOException {
    List<String> listed =
        methods.sparsityNames().stream()
            .map(name -> methods.sparsityExample(name).getClass().getName())
            .sorted()
            .toList();

    assertThat(listed).isEqualTo(written("io.moepress.prune", SparsityMethod.class)).isNotEmpty();
    assertThat(rows("| method for zeros |"))
        .isEqualTo(methods.sparsityNames().stream().map(this::sourcedRow).toList());
    for (String name : methods.sparsityNames()) {
      assertThat(methods.sparsityExample(name).name()).isEqualTo(name);
    }
  }

  @Test
  void everyWayToQuantiseIsInTheCatalogAndInTheDocs() throws IOException {
    assertThat(methods.quantizeNames())
        .hasSameSizeAs(written("io.moepress.quantize", QuantizeMethod.class))
        .isNotEmpty();
    assertThat(rows("| method for codes |"))
        .isEqualTo(methods.quantizeNames().stream().map(this::sourcedRow).toList());
    assertThat(methods.bitNames())
        .hasSameSizeAs(written("io.moepress.quantize", BitMethod.class))
        .isNotEmpty();
    assertThat(rows("| method for bits |"))
        .isEqualTo(methods.bitNames().stream().map(this::row).toList());
    for (String name : methods.quantizeNames()) {
      assertThat(methods.quantize(name).orElseThrow().bind(noOptions(), 42).name()).isEqualTo(name);
    }
  }

  private String sourcedRow(String name) {
    MethodDescription it = methods.description(name).orElseThrow();
    return "| `" + it.name() + "` | " + it.score() + " | " + it.source() + " |";
  }

  private String row(String name) {
    MethodDescription it = methods.description(name).orElseThrow();
    return "| `"
        + it.name()
        + "` | "
        + it.score()
        + " | "
        + (methods.needs(name).isEmpty() ? "no" : "yes")
        + " | "
        + it.source()
        + " |";
  }

  /// A key that nobody asks for is told together with those that were asked for.
  @Test
  void everyOptionThatAMethodReadsIsDescribed() {
    for (String name : methods.names()) {
      YamlNode options = options("{nobody-asks: 1}");
      bind(name, options);

      String known =
          methods.description(name).orElseThrow().options().stream()
              .map(MethodDescription.Option::key)
              .sorted()
              .collect(Collectors.joining(", "));
      assertThatExceptionOfType(RecipeException.class)
          .as(name)
          .isThrownBy(options::finish)
          .withMessageEndingWith(known.isEmpty() ? "in the recipe" : "; known: " + known);
    }
  }

  @Test
  void everyExampleIsAStepThatCanBeRead() {
    for (String name : methods.names()) {
      String recipe =
          "model: in\noutput: out\nsteps:\n  "
              + methods.description(name).orElseThrow().example()
              + "\n";

      assertThatNoException()
          .as(name)
          .isThrownBy(() ->
              RecipeReader.read(Files.writeString(folder.resolve("recipe.yaml"), recipe), methods));
    }
  }

  /// A method that is told the default of an option is the method that is told nothing.
  @Test
  void everyDefaultIsTheOneThatHolds() {
    int values = 0;
    for (String name : methods.names()) {
      for (Option option : methods.description(name).orElseThrow().options()) {
        if (option.defaultValue().contains(" ")) { // no value, but words
          continue;
        }
        values++;
        assertThat(bind(name, options(option.key(), option.defaultValue())))
            .as("%s: %s", name, option.key())
            .isEqualTo(bind(name, options("{" + beside(option.key()) + "}")));
      }
    }

    assertThat(values).isGreaterThan(30);
  }

  /// What an option is said to take is what it takes: of names exactly these, of numbers no others.
  @Test
  void everyOptionTakesWhatItSays() {
    for (String name : methods.names()) {
      for (Option option : methods.description(name).orElseThrow().options()) {
        Matcher range = RANGE.matcher(option.takes());
        if (range.matches()) {
          requireRange(name, option.key(), range);
        } else if (option.takes().matches("`[0-9]`.*")) {
          List<Integer> values =
              CODE.matcher(option.takes()).results().map(it -> parseInt(it.group(1))).toList();
          requireRefused(name, option.key(), values.getFirst() - 1, values.getLast() + 1);
        } else if (option.takes().startsWith("`")) {
          assertThatExceptionOfType(RecipeException.class)
              .as("%s: %s", name, option.key())
              .isThrownBy(() -> bind(name, options(option.key(), "nobody")))
              .withMessageContaining("(expected ")
              .satisfies(e ->
                  assertThat(
                          e.getMessage().replaceFirst(".*[(]expected (one of: )?(.*)[)].*", "$2"))
                      .isEqualTo(
                          option.takes().equals("`true` or `false`")
                              ? "true or false"
                              : option.takes().replace("`", "").replace(" or ", ", ")));
        } else {
          assertThat(option.takes()).isIn("a path", "a share such as `50%`, or `full`");
        }
      }
    }
  }

  private void requireRange(String name, String key, Matcher range) {
    requireRefused(name, key, "many");
    if (range.group("whole") != null) {
      requireRefused(name, key, "1.5");
    }
    if (range.group("from") != null) {
      String least = range.group("from");
      assertThatNoException()
          .as("%s: %s: %s", name, key, least)
          .isThrownBy(() -> bind(name, options(key, least)));
      requireRefused(name, key, parseInt(least) - 1);
    }
    if (range.group("above") != null) {
      requireRefused(name, key, range.group("above"));
    }
    if (range.group("to") != null) {
      requireRefused(name, key, Double.parseDouble(range.group("to")) + 0.01);
    }
  }

  private void requireRefused(String name, String key, Object... values) {
    for (Object value : values) {
      assertThatThrownBy(() -> bind(name, options(key, value)))
          .as("%s: %s: %s", name, key, value)
          .isInstanceOfAny(IllegalArgumentException.class, RecipeException.class);
    }
  }

  /// The method with some options.
  private Object bind(String name, YamlNode options) {
    return Stream.of(
            methods.prune(name),
            methods.merge(name),
            methods.sparsity(name),
            methods.quantize(name),
            methods.bits(name))
        .flatMap(Optional::stream)
        .map(binder -> binder.bind(options, 42))
        .findFirst()
        .orElseThrow();
  }

  private static YamlNode noOptions() {
    return options("{}");
  }

  private static YamlNode options(String key, Object value) {
    return options("{" + key + ": " + value + ", " + beside(key) + "}");
  }

  /// What else an option needs to say anything.
  private static String beside(String key) {
    return key.equals("mix-weight") ? "distance: mixed" : "";
  }

  private static YamlNode options(String yaml) {
    return YamlNode.parse(Path.of("test.yaml"), yaml.getBytes(StandardCharsets.UTF_8));
  }
}
