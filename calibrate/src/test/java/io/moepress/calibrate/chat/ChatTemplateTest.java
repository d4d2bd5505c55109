package io.moepress.calibrate.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.moepress.formats.FormatException;
import io.moepress.formats.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;

class ChatTemplateTest {
  private static final List<Map<String, Object>> QUESTION =
      List.of(Map.of("role", "user", "content", "1 + 1?"));

  // What transformers renders.

  @ParameterizedTest(name = "{0}")
  @MethodSource("golden")
  void rendersWhatTransformersRenders(String name, JsonNode golden) {
    List<Map<String, Object>> messages =
        Json.mapper().convertValue(golden.get("messages"), new TypeReference<>() {});
    Map<String, String> tokens =
        Json.mapper().convertValue(golden.get("tokens"), new TypeReference<>() {});
    ChatTemplate template =
        new ChatTemplate(golden.get("template").asString(), "chat_template.jinja", tokens);

    if (golden.has("text")) {
      assertThat(template.render(messages)).isEqualTo(golden.get("text").asString());
    } else {
      assertThatExceptionOfType(FormatException.class)
          .isThrownBy(() -> template.render(messages))
          .withMessageContaining(
              "the template refuses the conversation: " + golden.get("refusal").asString());
    }
  }

  static Stream<Arguments> golden() throws IOException {
    try (InputStream file =
        Objects.requireNonNull(ChatTemplateTest.class.getResourceAsStream("golden.json"))) {
      String text = new String(file.readAllBytes(), StandardCharsets.UTF_8);
      return Json.object(text, "golden.json")
          .get("cases")
          .valueStream()
          .map(golden -> Arguments.of(golden.get("name").asString(), golden))
          .toList()
          .stream();
    }
  }

  @Test
  void aTemplateCanBeUsedAgain() {
    ChatTemplate template = template("{% set x = messages[0].content %}{{ x }}");

    assertThat(template.render(QUESTION)).isEqualTo("1 + 1?");
    assertThat(template.render(List.of(Map.of("role", "user", "content", "2")))).isEqualTo("2");
  }

  @Test
  void theDateIsAlwaysTheSame() {
    assertThat(render("{{ strftime_now('%d %b %Y') }}")).isEqualTo("01 Jan 2025");
  }

  /// What stands in a message is text, whatever it looks like.
  @ParameterizedTest
  @ValueSource(strings = {"{{ 1 + 1 }}", "{% if %}", "<b> & \"q\"", "{# c #}", "{{", "%}", "\\n"})
  void messagesAreNotInterpreted(String content) {
    assertThat(
            template("[{{ messages[0].content }}]")
                .render(List.of(Map.of("role", "user", "content", content))))
        .isEqualTo("[" + content + "]");
  }

  // Errors say file, line and what is wrong.

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      value = {
        "a\\n{% include 'x' %} ~ line 2: the statement \"include\" is not supported in chat templates",
        "{{ 'a' | shout }} ~ line 1: the filter \"shout\" is not supported in chat templates",
        "{{ 'a' is loud }} ~ line 1: the test \"loud\" is not supported in chat templates",
        "\\n\\n{{ 'a'.format(1) }} ~ line 3: the method \"format\" of a text is not supported in chat templates",
        "{{ [].append(1) }} ~ line 1: the method \"append\" of a list is not supported in chat templates",
        "{% for m in messages %}{{ loop.nope }}{% endfor %} ~ line 1: \"loop.nope\" is not supported in chat templates",
        "{{ shout('a') }} ~ line 1: Could not resolve function 'shout'",
        "a\\n{{ 'b' ~ line 2: \"{{\" is not closed",
        "a\\n{% raw %} ~ line 2: {% raw %} is not closed",
        "{{ 'a' 1 }} ~ line 1: found \"1\" (expected an operator)",
        "{{ 1 + }} ~ line 1: found the end (expected a value)",
        "{{ ! }} ~ line 1: unexpected \"!\"",
        "{% for x of y %}{% endfor %} ~ line 1: found \"of\" (expected \"in\")",
        "{% if x y %}{% endif %} ~ line 1: found \"y\" (expected an operator)",
        "{% else 1 %} ~ line 1: found \"1\" (expected the end)",
        "a\\n{% if true %} ~ line 2: Syntax error in",
        "{{ messages[0].content[::0] }} ~ line 1: a slice with step 0",
        "{{ nope | tojson }} ~ line 1: tojson: a missing value",
        "{% for a, b in messages %}{% endfor %} ~ line 1: a loop gives its items 2 names, but one has another number of parts",
      })
  void aMistakeIsNamed(String template, String message) {
    assertRefused(template.replace("\\n", "\n"), message);
  }

  @Test
  void deepNestingIsRefused() {
    assertRefused("{{ " + "(".repeat(2000) + "1" + ")".repeat(2000) + " }}", "nested deeper than");
  }

  @Test
  void alternativesThatGrowAreRefused() {
    String expression = "a";
    for (int i = 0; i < 30; i++) {
      expression = "(" + expression + " or b)";
    }
    assertRefused("{{ " + expression + " }}", "the expression is too long");
  }

  // A template is a stranger's text.

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ messages[0].content.getClass() }}",
        "{{ messages.getClass().forName('java.lang.Runtime') }}",
        "{{ ____int3rpr3t3r____.getContext() }}",
        "{{ ''.getBytes() }}",
        "{{ messages.stream() }}",
        "{{ messages[0].put('a', 1) }}",
        "{{ messages.clear() }}",
      })
  void noMethodOfJavaCanBeCalled(String template) {
    assertRefused(template, "is not supported in chat templates");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ messages[0].content.class }}",
        "{{ messages.class.classLoader }}",
        "{{ ____int3rpr3t3r____.config }}",
        "{{ ____int3rpr3t3r____.context.parent }}",
        "{{ messages[0].content['bytes'] }}",
      })
  void noPropertyOfJavaCanBeRead(String template) {
    assertThat(render(template)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% set n = namespace(x='aaaa') %}{% for i in range(90) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n = namespace(x='aaaa') %}{% for i in range(90) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{% set n = namespace(x='aaaa') %}{% for i in range(90) %}{% set n.x = n.x.replace('a', 'aaa') %}{% endfor %}",
        "{% set n = namespace(x='aaaa') %}{% for i in range(90) %}{% set n.x = n.x | replace('a', 'aaa') %}{% endfor %}",
        "{% set n = namespace(x='aaaa') %}{% for i in range(90) %}{% set n.x = n.x.join([n.x, n.x]) %}{% endfor %}",
        "{% set n = namespace(x=[1, 2]) %}{% for i in range(90) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n = namespace(x=[1]) %}{% for i in range(40) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
        "{% set n = namespace(x=[1]) %}{% for i in range(40) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x | tojson }}",
        "{% for i in range(90000) %}{% for j in range(90) %}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{% endfor %}{% endfor %}",
        "{{ [1] | tojson(indent=2000000000) }}",
      })
  void whatGrowsWithoutEndIsStopped(String template) {
    assertRefused(template, "chat template: ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% for i in range(90000) %}{% for j in range(90000) %}{% set x = 1 %}{% endfor %}{% endfor %}",
        "{% macro f(x) %}{{ f(x) }}{{ f(x) }}{% endmacro %}{{ f(1) }}",
      })
  void whatTakesForeverIsStopped(String template) {
    assertRefused(template, "rendering takes longer than 10 seconds");
  }

  private static void assertRefused(String template, String message) {
    assertThatExceptionOfType(FormatException.class)
        .isThrownBy(() -> render(template))
        .withMessageStartingWith("chat_template.jinja: chat template: ")
        .withMessageContaining(message);
  }

  private static String render(String template) {
    return template(template).render(QUESTION);
  }

  private static ChatTemplate template(String source) {
    return new ChatTemplate(source, "chat_template.jinja", Map.of());
  }
}
