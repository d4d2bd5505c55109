package io.moepress.calibrate.chat;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.interpret.Context.Library;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import io.moepress.formats.FormatException;
import io.moepress.formats.Words;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/// The chat template of a checkpoint: from messages to the text that the model was trained on.
///
/// It is rendered as transformers renders it: `messages` as given, `add_generation_prompt` false,
/// no tools, the special tokens by name, the functions `raise_exception` and `strftime_now`.
///
/// A template comes with the checkpoint. It reaches nothing but texts, numbers, lists and maps; its
/// output, its loops and its time are limited.
public final class ChatTemplate {
  private static final int LONGEST_TEMPLATE = 1 << 20;
  private static final int LONGEST_LIST = 100_000;
  private static final int DEEPEST = 50;

  private final String where;
  private final Map<String, String> specialTokens;
  private final JinjaDialect template;
  private final Jinjava jinjava;

  /// Prepares a template.
  ///
  /// @param source the template
  /// @param where what to call it in an error, usually its file
  /// @param specialTokens variables such as `bos_token`
  /// @throws FormatException when it is malformed, or says what is not supported
  public ChatTemplate(String source, String where, Map<String, String> specialTokens) {
    this.where = where;
    this.specialTokens = Map.copyOf(specialTokens);
    if (source.length() > LONGEST_TEMPLATE) {
      throw FormatException.of(
          "%s: a chat template of %d characters (expected at most %d)",
          where, source.length(), LONGEST_TEMPLATE);
    }
    try {
      this.template = JinjaDialect.of(source);
    } catch (TemplateException e) {
      throw new FormatException(where + ": chat template: " + e.getMessage(), e);
    }
    this.jinjava = jinjava();
  }

  private static Jinjava jinjava() {
    JinjavaConfig config =
        JinjavaConfig.newBuilder()
            .withElResolver(new SandboxResolver())
            .withNestedInterpretationEnabled(false)
            .withDisabled(
                Map.of(Library.TAG, Set.of("include", "import", "from", "extends", "block")))
            .withMaxOutputSize(LimitedText.LONGEST)
            .withMaxStringLength(LimitedText.LONGEST)
            .withMaxListSize(LONGEST_LIST)
            .withMaxMapSize(LONGEST_LIST)
            .withRangeLimit(LONGEST_LIST)
            .withMaxRenderDepth(DEEPEST)
            .withMaxMacroRecursionDepth(DEEPEST)
            .withEnableRecursiveMacroCalls(true)
            .withLegacyOverrides(
                LegacyOverrides.newBuilder()
                    .withEvaluateMapKeys(true)
                    .withIterateOverMapKeys(true)
                    .withUsePyishObjectMapper(true)
                    .withUseNaturalOperatorPrecedence(true)
                    .withParseWhitespaceControlStrictly(true)
                    .withKeepNullableLoopValues(true)
                    .build())
            .build();
    Jinjava jinjava = new Jinjava(config);
    jinjava.registerTag(new LoopTag());
    jinjava.registerTag(new GenerationTag());
    ValueTest.all().forEach(jinjava::registerExpTest);
    jinjava.registerFilter(new ToJsonFilter());
    jinjava.registerFilter(new JoinFilter());
    MethodFilter.all().forEach(jinjava::registerFilter);
    function(jinjava, "py_truth", "truth");
    function(jinjava, "py_text", "text");
    jinjava.registerFunction(
        new ELFunctionDefinition(
            "", "py_equal", TemplateFunctions.class, "equal", Object.class, Object.class));
    function(jinjava, "raise_exception", "refuse");
    function(jinjava, "strftime_now", "now");
    return jinjava;
  }

  private static void function(Jinjava jinjava, String name, String method) {
    jinjava.registerFunction(
        new ELFunctionDefinition("", name, TemplateFunctions.class, method, Object.class));
  }

  /// Renders a conversation.
  ///
  /// @param messages maps, lists, texts, numbers, flags and null, as they are in JSON
  /// @throws FormatException when the template fails, or refuses the conversation
  public String render(List<Map<String, Object>> messages) {
    Map<String, Object> bindings = new HashMap<>(template.variables());
    bindings.putAll(specialTokens);
    bindings.put(JinjaDialect.NONE, PythonNone.NONE);
    bindings.put("messages", values(messages));
    bindings.put("tools", PythonNone.NONE);
    bindings.put("documents", PythonNone.NONE);
    bindings.put("add_generation_prompt", false);
    RenderResult result = result(bindings);
    if (!result.getErrors().isEmpty()) {
      throw failure(result.getErrors().getFirst());
    }
    return result.getOutput();
  }

  /// Renders on a thread of its own, so that a template which gets past [Deadline] cannot keep the
  /// caller.
  private RenderResult result(Map<String, Object> bindings) {
    FutureTask<RenderResult> task =
        new FutureTask<>(() -> {
          Deadline.start();
          return jinjava.renderForResult(template.text(), bindings);
        });
    long start = System.nanoTime();
    Thread.ofPlatform().daemon().name("chat-template").start(task);
    try {
      RenderResult result = task.get(Deadline.SECONDS + 1, TimeUnit.SECONDS);
      if (System.nanoTime() - start < TimeUnit.SECONDS.toNanos(Deadline.SECONDS)) {
        return result;
      }
      throw tooSlow();
    } catch (TimeoutException e) {
      throw tooSlow();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new FormatException(where + ": chat template: interrupted", e);
    } catch (ExecutionException e) {
      throw new FormatException(
          where + ": chat template: " + Words.printable(String.valueOf(e.getCause())), e);
    }
  }

  private FormatException tooSlow() {
    return FormatException.of(
        "%s: chat template: rendering takes longer than %d seconds", where, Deadline.SECONDS);
  }

  /// Values of JSON as a template sees them: null is None, which is a value.
  private static Object values(@Nullable Object json) {
    return switch (json) {
      case null -> PythonNone.NONE;
      case List<?> list -> list.stream().map(ChatTemplate::values).toList();
      case Map<?, ?> map -> {
        Map<Object, Object> values = new LinkedHashMap<>();
        map.forEach((key, value) -> values.put(key, values(value)));
        yield values;
      }
      default -> json;
    };
  }

  private FormatException failure(TemplateError error) {
    String message = error.getMessage();
    for (Throwable cause = error.getException(); cause != null; cause = cause.getCause()) {
      message = cause instanceof TemplateException ? cause.getMessage() : message;
    }
    return new FormatException(
        where
            + ": chat template: "
            + (error.getLineno() < 1 ? "" : "line " + error.getLineno() + ": ")
            + Words.printable(String.valueOf(message)),
        error.getException());
  }
}
