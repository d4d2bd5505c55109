package io.moepress.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatNoException;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.moepress.recipes.plan.MergeMethod;
import io.moepress.recipes.plan.MethodDescription;
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
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What nobody else notices when it is forgotten: a method outside the catalog, or outside the
/// docs.
class MethodsTest {
  private static final Path DOCS = Path.of("..", "docs", "methods.md");

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
      YamlNode options =
          YamlNode.parse(Path.of("test.yaml"), "{nobody-asks: 1}".getBytes(StandardCharsets.UTF_8));
      methods.prune(name).ifPresent(binder -> binder.bind(options, 42));
      methods.merge(name).ifPresent(binder -> binder.bind(options, 42));
      methods.sparsity(name).ifPresent(binder -> binder.bind(options, 42));
      methods.quantize(name).ifPresent(binder -> binder.bind(options, 42));

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

  private static YamlNode noOptions() {
    return YamlNode.parse(Path.of("test.yaml"), "{}".getBytes(StandardCharsets.UTF_8));
  }
}
